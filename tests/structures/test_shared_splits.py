"""A split of real proteins; skipped where the files are not at hand."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from diffragan.structures.alignment import e_value, local_score
from diffragan.structures.clusters import cluster
from diffragan.structures.homology import SignificanceRule
from diffragan.structures.sequences import read_molecules
from diffragan.structures.splits import assign


def test_no_known_relatives_are_across(shared_structures: Path) -> None:
    with (shared_structures / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["hom_group"]]
    sizes = Counter(row["hom_group"] for row in rows)
    # Families of the index, and its test proteins as company without relatives. Of h076 two have
    # nothing in common with the other two, of which a family must have something.
    rows = [
        row
        for row in rows
        if (sizes[row["hom_group"]] > 1 and row["hom_group"] != "h076") or row["split"] == "test"
    ]
    molecules = read_molecules([shared_structures / row["file"] for row in rows])
    clustering = cluster(molecules, SignificanceRule())
    splits = assign(
        clustering.clusters, [one.name for one in molecules], [one.mass_kda for one in molecules]
    )
    families: dict[str, set[str]] = {}
    for row, split in zip(rows, splits, strict=True):
        families.setdefault(row["hom_group"], set()).add(split)
    assert all(len(found) == 1 for found in families.values())
    sequences = ["".join(one.chains.values()) for one in molecules]
    for first, one in enumerate(sequences):
        for second, other in enumerate(sequences[:first]):
            if splits[first] != splits[second]:
                score = local_score(one, other)
                assert e_value(score, len(one), len(other), len(sequences)) > 1e-3


@pytest.mark.slow
def test_all_of_them_split_as_the_fractions_say(shared_structures: Path) -> None:
    molecules = read_molecules([shared_structures])
    clustering = cluster(molecules, SignificanceRule())
    assert len(clustering.clusters) > 0.8 * len(molecules)  # chance chains nothing together
    assert len(clustering.clusters[0]) <= 5
    masses = [one.mass_kda for one in molecules]
    splits = assign(clustering.clusters, [one.name for one in molecules], masses)
    for split, fraction in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        own = [mass for mass, its in zip(masses, splits, strict=True) if its == split]
        assert len(own) == pytest.approx(fraction * len(molecules), abs=2)
        assert sum(own) == pytest.approx(fraction * sum(masses), rel=0.05)
