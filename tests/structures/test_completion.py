import random

import gemmi
import numpy as np
import pytest

from diffragan.errors import InputError
from diffragan.structures import completion
from diffragan.structures.completion import complete
from diffragan.structures.selection import ProteinChain, choose_chains


def chains_of(structure: gemmi.Structure) -> list[ProteinChain]:
    chosen, _ = choose_chains(structure, None, True, "x")
    return chosen


def atoms_of(model: gemmi.Model, residue: int, chain: int = 0) -> dict[str, gemmi.Position]:
    return {atom.name: gemmi.Position(*atom.pos.tolist()) for atom in model[chain][residue]}


def drop(residue: gemmi.Residue, *names: str) -> None:
    for index in reversed(range(len(residue))):
        if residue[index].name in names:
            del residue[index]


def number_of(structure: gemmi.Structure, name: str) -> int:
    return [residue.name for residue in structure[0][0]].index(name)


def test_missing_atoms_come_back_where_they_were(peptide: gemmi.Structure) -> None:
    place = number_of(peptide, "PHE")
    before = atoms_of(peptide[0], place)
    drop(peptide[0][0][place], "CZ", "O")
    model, report = complete(chains_of(peptide), {}, 7.0, "x")
    after = atoms_of(model, place)
    assert after["CZ"].dist(before["CZ"]) < 0.5
    assert after["O"].dist(before["O"]) < 0.5
    added = {entry["residue"]: entry["atoms"] for entry in report.atoms_added}
    label = f"A {peptide[0][0][place].seqid} PHE"
    assert sorted(added[label]) == ["CZ", "O"]


def test_the_ends_are_whole(peptide: gemmi.Structure) -> None:
    model, _ = complete(chains_of(peptide), {}, 7.0, "x")
    assert {"H", "H2", "H3"} <= atoms_of(model, 0).keys()
    assert "OXT" in atoms_of(model, 7)


def test_existing_heavy_atoms_do_not_move(peptide: gemmi.Structure) -> None:
    drop(peptide[0][0][3], "CB")
    before = atoms_of(peptide[0], 2)
    model, _ = complete(chains_of(peptide), {}, 7.0, "x")
    after = atoms_of(model, 2)
    for name in ("N", "CA", "C", "O"):
        assert after[name].dist(before[name]) < 1e-3


def test_a_gap_gets_no_ends_and_no_residues(peptide: gemmi.Structure) -> None:
    del peptide[0][0][3]
    model, _ = complete(chains_of(peptide), {}, 7.0, "x")
    assert len(model[0]) == 7
    assert "OXT" not in atoms_of(model, 2)
    assert "H2" not in atoms_of(model, 3)


def test_selenomethionine_becomes_methionine(peptide: gemmi.Structure) -> None:
    residue = peptide[0][0][4]
    for atom in residue:
        if atom.name == "CB":
            direction = atom.pos - residue["CA"][0].pos
    backbone_and_cb = ("N", "CA", "C", "O", "CB")
    drop(residue, *[atom.name for atom in residue if atom.name not in backbone_and_cb])
    residue.name, residue.het_flag = "MSE", "H"
    for place, name in enumerate(("CG", "SE"), start=1):
        atom = gemmi.Atom()
        atom.name, atom.element = name, gemmi.Element(name if name == "SE" else "C")
        atom.pos = residue["CB"][0].pos + direction * place
        residue.add_atom(atom)
    model, report = complete(chains_of(peptide), {}, 7.0, "x")
    assert model[0][4].name == "MET"
    assert {"SD", "CE"} <= atoms_of(model, 4).keys()
    assert report.residues_replaced == [{"residue": f"A {residue.seqid} MSE", "by": "MET"}]


def test_protonation_follows_the_ph(peptide: gemmi.Structure) -> None:
    place = number_of(peptide, "ASP")
    acid, _ = complete(chains_of(peptide), {}, 2.0, "x")
    neutral, _ = complete(chains_of(peptide), {}, 7.0, "x")
    assert "HD2" in atoms_of(acid, place)
    assert "HD2" not in atoms_of(neutral, place)


def test_odd_atoms_are_removed_and_told(peptide: gemmi.Structure) -> None:
    atom = gemmi.Atom()
    atom.name, atom.element = "XYZ", gemmi.Element("C")
    peptide[0][0][2].add_atom(atom)
    model, report = complete(chains_of(peptide), {}, 7.0, "x")
    assert "XYZ" not in atoms_of(model, 2)
    assert report.atoms_removed[0]["atoms"] == ["XYZ"]


def test_two_chains_keep_their_names_and_numbers(peptide: gemmi.Structure) -> None:
    second = peptide[0][0].clone()
    second.name = "long"
    for residue in second:
        residue.seqid = gemmi.SeqId(7, chr(ord("A") + residue.seqid.num % 26))
        for atom in residue:
            atom.pos = gemmi.Position(atom.pos.x + 60, atom.pos.y, atom.pos.z)
    numbers = [str(residue.seqid) for residue in second]
    peptide[0].add_chain(second)
    model, _ = complete(chains_of(peptide), {}, 7.0, "x")
    assert [chain.name for chain in model] == ["A", "long"]
    assert [str(residue.seqid) for residue in model[1]] == numbers
    assert "OXT" in atoms_of(model, 7, chain=0)
    assert {"H2", "H3"} <= atoms_of(model, 0, chain=1).keys()


def test_the_random_generator_is_given_back(peptide: gemmi.Structure) -> None:
    random.seed(5)
    expected = random.random()
    random.seed(5)
    complete(chains_of(peptide), {}, 7.0, "x")
    assert random.random() == expected


def test_a_failure_inside_is_one_line(
    peptide: gemmi.Structure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("two\nlines")

    monkeypatch.setattr(completion.PDBFixer, "addMissingAtoms", fail)
    with pytest.raises(InputError, match=r"x\.pdb: PDBFixer and OpenMM cannot") as caught:
        complete(chains_of(peptide), {}, 7.0, "x.pdb")
    assert "\n" not in str(caught.value)


def test_a_missing_ca_comes_back(peptide: gemmi.Structure) -> None:
    place = number_of(peptide, "PHE")
    before = atoms_of(peptide[0], place)
    drop(peptide[0][0][place], "CA", "CB", "CG", "CD1", "CD2", "CE1", "CE2", "CZ")
    model, report = complete(chains_of(peptide), {}, 7.0, "x")
    after = atoms_of(model, place)
    assert after["CA"].dist(before["CA"]) < 0.5
    assert after["CB"].dist(before["CB"]) < 0.8
    assert {"CA", "CB", "CZ"} <= set(report.atoms_added[0]["atoms"])


def test_rebuilt_residues_are_l_amino_acids(peptide: gemmi.Structure) -> None:
    for residue in peptide[0][0]:
        drop(residue, *[atom.name for atom in residue if atom.name not in ("N", "CA", "C", "O")])
    model, _ = complete(chains_of(peptide), {}, 7.0, "x")
    for residue in model[0]:
        n, ca, c, cb = (np.array(residue[name][0].pos.tolist()) for name in ("N", "CA", "C", "CB"))
        # Positive for L; about 2.6 cubic angstrom for tetrahedral bonds.
        assert (cb - ca) @ np.cross(n - ca, c - ca) > 2.0
