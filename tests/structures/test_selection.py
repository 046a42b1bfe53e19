from collections.abc import Callable
from pathlib import Path

import gemmi
import pytest

from diffragan.errors import InputError
from diffragan.structures.selection import choose_chains


def add_chain(structure: gemmi.Structure, name: str) -> gemmi.Chain:
    structure[0].add_chain(gemmi.Chain(name))
    return structure[0][len(structure[0]) - 1]


def add_residue(chain: gemmi.Chain, name: str, atoms: str, number: int = 900) -> None:
    residue = gemmi.Residue()
    residue.name = name
    residue.het_flag = "H"
    residue.seqid = gemmi.SeqId(number, " ")
    for place, word in enumerate(atoms.split()):
        atom = gemmi.Atom()
        atom.name = word
        atom.element = gemmi.Element(word[0])
        atom.pos = gemmi.Position(90 + 3 * place, 0, 0)
        residue.add_atom(atom)
    chain.add_residue(residue)


def refusal(structure: gemmi.Structure, chain: str | None = None) -> str:
    with pytest.raises(InputError) as caught:
        choose_chains(structure, chain, False, "x.pdb")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def keep_atoms(structure: gemmi.Structure, wanted: Callable[[gemmi.Atom], bool]) -> None:
    for residue in structure[0][0]:
        for index in reversed(range(len(residue))):
            if not wanted(residue[index]):
                del residue[index]


def test_the_first_protein_chain_is_the_default(peptide: gemmi.Structure) -> None:
    peptide[0][0].name = "P"
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    add_residue(add_chain(structure, "D"), "DA", "P C1'")
    structure[0].add_chain(peptide[0][0])
    copy = peptide[0][0].clone()
    copy.name = "Q"
    structure[0].add_chain(copy)
    (chosen,), _ = choose_chains(structure, None, False, "x")
    assert chosen.name == "P"
    (chosen,), _ = choose_chains(structure, "Q", False, "x")
    assert chosen.name == "Q"
    both, _ = choose_chains(structure, None, True, "x")
    assert [one.name for one in both] == ["P", "Q"]


def test_waters_ligands_and_free_amino_acids_are_left_out(peptide: gemmi.Structure) -> None:
    chain = peptide[0][0]
    add_residue(chain, "HOH", "O", 901)
    add_residue(chain, "SO4", "S O1", 902)
    add_residue(chain, "GLU", "N CA C O", 903)
    (chosen,), _ = choose_chains(peptide, "A", False, "x")
    assert len(chosen.residues) == 8
    assert (chosen.waters, chosen.heterogens) == (1, {"GLU": 1, "SO4": 1})


def test_a_modified_residue_in_the_chain_is_kept(peptide: gemmi.Structure) -> None:
    peptide[0][0][3].name = "XYZ"
    peptide[0][0][3].het_flag = "H"
    (chosen,), _ = choose_chains(peptide, "A", False, "x")
    assert [one.name for one in chosen.residues][3] == "XYZ"


def remove(residue: gemmi.Residue, *names: str) -> None:
    for index in reversed(range(len(residue))):
        if residue[index].name in names:
            del residue[index]


def test_ca_can_be_rebuilt_on_the_rest_of_the_backbone(peptide: gemmi.Structure) -> None:
    remove(peptide[0][0][3], "CA")
    (chosen,), _ = choose_chains(peptide, "A", False, "x")
    assert len(chosen.residues) == 8


def test_a_residue_without_backbone_is_left_out_and_told(peptide: gemmi.Structure) -> None:
    remove(peptide[0][0][7], "CA", "O", "OXT")
    (chosen,), _ = choose_chains(peptide, "A", False, "x")
    assert len(chosen.residues) == 7
    assert len(chosen.incomplete) == 1


def test_a_chain_that_is_not_there(peptide: gemmi.Structure) -> None:
    add_residue(add_chain(peptide, "a1"), "DA", "P")
    message = refusal(peptide, "a")
    assert "no chain 'a'" in message
    assert "'A', 'a1'" in message
    assert "did you mean 'a1'" in message


def test_a_blank_chain_can_be_named(peptide: gemmi.Structure) -> None:
    peptide[0][0].name = ""
    (chosen,), _ = choose_chains(peptide, " ", False, "x")
    assert chosen.name == ""
    assert "' ' (blank)" in refusal(peptide, "B")


def test_only_ca_atoms(peptide: gemmi.Structure) -> None:
    keep_atoms(peptide, lambda atom: atom.name == "CA")
    assert "only CA atoms in 8 of 8 residues" in refusal(peptide)


def test_hardly_any_backbone(peptide: gemmi.Structure) -> None:
    keep_atoms(peptide, lambda atom: atom.name in ("CB", "CG"))
    assert "too little backbone" in refusal(peptide)


def test_nucleic_acid_only(peptide: gemmi.Structure) -> None:
    peptide[0].remove_chain("A")
    add_residue(add_chain(peptide, "B"), "DA", "P C1'")
    assert "holds no protein (only nucleic acid)" in refusal(peptide)
    assert "chain 'B' holds no protein" in refusal(peptide, "B")


def test_ligands_only(peptide: gemmi.Structure) -> None:
    peptide[0].remove_chain("A")
    add_residue(add_chain(peptide, "B"), "HEM", "FE NA NB")
    assert "holds no protein (only HEM)" in refusal(peptide)


def test_a_single_atom(peptide: gemmi.Structure) -> None:
    peptide[0].remove_chain("A")
    add_residue(add_chain(peptide, "B"), "ALA", "CA")
    assert "a single atom" in refusal(peptide)


def test_a_bound_peptide_is_not_the_default(
    peptide: gemmi.Structure, prepared_villin_file: Path
) -> None:
    protein = gemmi.read_structure(str(prepared_villin_file))[0][0].clone()
    protein.name = "B"
    peptide[0].add_chain(protein)
    (chosen,), _ = choose_chains(peptide, None, False, "x")
    assert chosen.name == "B"


def test_a_peptide_bound_as_a_ligand_in_the_same_chain(peptide: gemmi.Structure) -> None:
    ligand = [residue.clone() for residue in list(peptide[0][0])[:2]]
    for number, residue in enumerate(ligand, start=900):
        residue.het_flag = "H"
        residue.entity_type = gemmi.EntityType.Unknown
        residue.seqid = gemmi.SeqId(number, " ")
        for atom in residue:
            atom.pos = gemmi.Position(atom.pos.x + 50, atom.pos.y, atom.pos.z)
        peptide[0][0].add_residue(residue)
    (chosen,), _ = choose_chains(peptide, None, False, "x")
    assert len(chosen.residues) == 8
    assert sum(chosen.heterogens.values()) == 2
