import gemmi
import pytest

from diffragan.structures.residues import (
    HEAVY_ATOMS,
    has_backbone,
    is_amino_acid,
    residue_label,
    standard_name,
)


def named(name: str, atoms: str = "N CA C O") -> gemmi.Residue:
    residue = gemmi.Residue()
    residue.name = name
    residue.seqid = gemmi.SeqId("52B")
    for word in atoms.split():
        atom = gemmi.Atom()
        atom.name = word
        residue.add_atom(atom)
    return residue


def test_the_heavy_atoms_are_those_of_pdbfixer() -> None:
    from pathlib import Path

    import pdbfixer

    folder = Path(pdbfixer.__file__).parent / "templates"
    for name, atoms in HEAVY_ATOMS.items():
        model = gemmi.read_structure(str(folder / f"{name}.pdb"))[0]
        theirs = {site.atom.name for site in model.all() if not site.atom.is_hydrogen()}
        assert theirs - {"OXT"} == atoms, name


@pytest.mark.parametrize(
    ("name", "standard"),
    [("ALA", "ALA"), ("MSE", "MET"), ("SEP", "SER"), ("SEC", "CYS"), ("PYL", "LYS")],
)
def test_a_known_residue_has_its_parent(name: str, standard: str) -> None:
    assert standard_name(named(name), {}) == standard


def test_what_the_file_declares_goes_first() -> None:
    assert standard_name(named("MSE"), {"52B MSE": "LEU"}) == "LEU"
    assert standard_name(named("MSE"), {"52B MSE": "XXX"}) == "MET"


@pytest.mark.parametrize(
    ("atoms", "standard"),
    [
        ("N CA C O CB CG CD CE NZ C1 C2", "LYS"),
        ("N CA C O CB", "ALA"),
        ("N CA C", "GLY"),
    ],
)
def test_an_unknown_residue_is_cut_down_to_what_it_contains(atoms: str, standard: str) -> None:
    assert standard_name(named("QQQ", atoms), {}) == standard
    assert standard_name(named("UNK", atoms), {}) == standard


def test_amino_acids_by_name_or_by_atoms() -> None:
    assert is_amino_acid(named("ALA", "CA"))
    assert is_amino_acid(named("QQQ"))
    assert not is_amino_acid(named("HOH", "O"))
    assert not is_amino_acid(named("DA", "P C1'"))
    assert has_backbone(named("ALA"))
    assert not has_backbone(named("ALA", "N CA O"))


def test_a_label_has_the_insertion_code() -> None:
    assert residue_label(named("SER"), "A") == "A 52B SER"
    assert residue_label(named("SER")) == "52B SER"
