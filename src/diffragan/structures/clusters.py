"""Gather molecules into clusters of relatives by single linkage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from diffragan.structures.alignment import align
from diffragan.structures.homology import Comparison, HomologyRule, compare_all
from diffragan.structures.sequences import Molecule


@dataclass(frozen=True, slots=True)
class Pair:
    """Two molecules of a list, and the alignment of two of their chains."""

    first: int
    second: int
    """Places in the list."""
    first_chain: str
    second_chain: str
    comparison: Comparison

    def evidence(self, molecules: Sequence[Molecule]) -> dict[str, Any]:
        """Return names and numbers as JSON."""
        return {
            "first": molecules[self.first].name,
            "second": molecules[self.second].name,
            "first_chain": self.first_chain,
            "second_chain": self.second_chain,
            **self.comparison.evidence(),
        }


@dataclass(frozen=True, slots=True)
class Clustering:
    """Which molecules belong together, and why."""

    clusters: list[list[int]]
    """Places of the molecules, the largest cluster first."""
    linked: list[Pair]
    """One pair for each link: equal sequences, or relatives by the rule."""
    near_misses: list[Pair]
    """Pairs the rule looked at and did not link."""


def cluster(molecules: Sequence[Molecule], rule: HomologyRule) -> Clustering:
    """Compare all chains, and join molecules whose chains are relatives or the same.

    Equal sequences are compared with others once; links of theirs name the first that has them.
    """
    holders: dict[str, list[tuple[int, str]]] = {}
    for place, molecule in enumerate(molecules):
        for chain, sequence in molecule.chains.items():
            holders.setdefault(sequence, []).append((place, chain))
    sequences = list(holders)
    linked = _copies(holders)
    near_misses: list[Pair] = []
    for comparison in compare_all(sequences, rule):
        first, second = (
            holders[sequences[one]][0] for one in (comparison.first, comparison.second)
        )
        pair = Pair(first[0], second[0], first[1], second[1], comparison)
        (linked if comparison.ground else near_misses).append(pair)
    clusters = _joined(len(molecules), linked)
    linked = [pair for pair in linked if pair.first != pair.second]
    return Clustering(clusters, linked, near_misses)


def _copies(holders: dict[str, list[tuple[int, str]]]) -> list[Pair]:
    """Link every molecule with the first one that has the same sequence."""
    pairs = []
    for number, (sequence, (first, *others)) in enumerate(holders.items()):
        for other in others:
            comparison = Comparison(
                number, number, align(sequence, sequence, "local"), None, "identical"
            )
            pairs.append(Pair(first[0], other[0], first[1], other[1], comparison))
    return pairs


def _joined(count: int, pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the connected groups of `count` molecules, largest first, each in order."""
    root = list(range(count))

    def find(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for pair in pairs:
        low, high = sorted((find(pair.first), find(pair.second)))
        root[high] = low
    groups: dict[int, list[int]] = {}
    for place in range(count):
        groups.setdefault(find(place), []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))
