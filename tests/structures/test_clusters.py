"""Clusters by single linkage over chains."""

from diffragan.structures.clusters import cluster
from diffragan.structures.homology import SignificanceRule
from diffragan.structures.sequences import Molecule
from made_up_proteins import molecule, mutated, random_sequence

FIRST, SECOND, THIRD = (random_sequence(150, seed) for seed in (1, 2, 3))


def names_of(molecules: list[Molecule]) -> list[list[str]]:
    clustering = cluster(molecules, SignificanceRule())
    return [[molecules[place].name for place in members] for members in clustering.clusters]


def test_relatives_of_relatives_are_in_one_cluster() -> None:
    # Two domains relate the fusion to both proteins, which have nothing in common.
    molecules = [
        molecule("one", FIRST),
        molecule("alone", THIRD),
        molecule("fusion", mutated(FIRST, 0.4, 1) + mutated(SECOND, 0.4, 2)),
        molecule("other", SECOND),
    ]
    assert names_of(molecules) == [["one", "fusion", "other"], ["alone"]]


def test_copies_are_linked_however_short_they_are() -> None:
    molecules = [molecule("a", "GAG"), molecule("b", FIRST), molecule("c", "GAG")]
    clustering = cluster(molecules, SignificanceRule())
    assert clustering.clusters == [[0, 2], [1]]
    (pair,) = clustering.linked
    assert pair.evidence(molecules) == {
        "first": "a",
        "second": "c",
        "first_chain": "A",
        "second_chain": "A",
        "ground": "identical",
        "e_value": None,
        "score": 16.0,
        "identity": 1.0,
        "aligned_residues": 3,
        "coverage": 1.0,
    }


def test_a_complex_joins_the_relatives_of_all_its_chains() -> None:
    molecules = [
        molecule("one", FIRST),
        molecule("other", SECOND),
        molecule("complex", mutated(FIRST, 0.4, 1), SECOND, mutated(FIRST, 0.4, 1)),
    ]
    assert names_of(molecules) == [["one", "other", "complex"]]
    grounds = {
        (molecules[pair.first].name, pair.second_chain, pair.comparison.ground)
        for pair in cluster(molecules, SignificanceRule()).linked
    }
    assert grounds == {("one", "A", "significant"), ("other", "B", "identical")}


def test_chains_of_one_molecule_are_no_evidence() -> None:
    dimer = molecule("dimer", FIRST, FIRST, mutated(FIRST, 0.1, 1))
    clustering = cluster([dimer], SignificanceRule())
    assert clustering.clusters == [[0]]
    assert clustering.linked == []
