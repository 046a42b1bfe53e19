import gemmi
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from diffragan.structures.geometry import (
    atom_positions,
    chain_gaps,
    element_counts,
    largest_dimension,
    mass_kda,
)


@pytest.mark.parametrize("count", [2, 4, 50, 2000])
def test_the_largest_dimension_is_that_of_all_pairs(count: int) -> None:
    points = np.random.default_rng(count).normal(size=(count, 3)) * [30, 20, 5]
    assert largest_dimension(points) == pytest.approx(pdist(points).max())


def test_flat_and_small_sets_have_a_dimension_too() -> None:
    flat = np.array([[x, y, 0.0] for x in range(4) for y in range(3)])
    assert largest_dimension(flat) == pytest.approx(np.hypot(3, 2))
    assert largest_dimension(flat[:1]) == 0


def test_mass_and_elements_of_glycine() -> None:
    model = gemmi.Model(1)
    chain = gemmi.Chain("A")
    residue = gemmi.Residue()
    for symbol in "CCHHHHHNOO":
        atom = gemmi.Atom()
        atom.element = gemmi.Element(symbol)
        residue.add_atom(atom)
    chain.add_residue(residue)
    model.add_chain(chain)
    assert mass_kda(model) == pytest.approx(0.07507, abs=1e-5)
    assert element_counts(model) == {"C": 2, "H": 5, "N": 1, "O": 2}
    assert atom_positions(model).shape == (10, 3)


def test_a_gap_is_told_by_distance_and_counted_by_numbers(peptide: gemmi.Structure) -> None:
    residues = list(peptide[0][0])
    assert chain_gaps(residues, "A") == []
    (gap,) = chain_gaps(residues[:3] + residues[5:], "A")
    before, after = residues[2], residues[5]
    assert gap["after"] == f"A {before.seqid} {before.name}"
    assert gap["before"] == f"A {after.seqid} {after.name}"
    assert gap["missing"] == 2
    assert isinstance(gap["distance_angstrom"], float)


def test_numbers_that_jump_without_a_break_are_no_gap(peptide: gemmi.Structure) -> None:
    residues = list(peptide[0][0])
    residues[4].seqid = gemmi.SeqId(99, " ")
    assert chain_gaps(residues, "A") == []
