"""Write a split: a list of files for each part, a table, and the evidence."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from diffragan.io.files import output_folder, write_json, write_text
from diffragan.io.path_list import LIST_SUFFIX, write_path_list
from diffragan.io.provenance import provenance
from diffragan.structures.clusters import Clustering, Pair
from diffragan.structures.sequences import Molecule
from diffragan.structures.splits import SPLITS

SPLIT_KIND = "diffragan split"
"""Marks `split.json`."""


def write_split(
    folder: Path,
    molecules: Sequence[Molecule],
    clustering: Clustering,
    splits: Sequence[str],
    settings: dict[str, Any],
    seed: int,
) -> None:
    """Write `train.txt`, `validation.txt`, `test.txt`, `split.csv` and last `split.json`.

    Each file is there whole or not at all, and the same input gives the same bytes.

    Parameters
    ----------
    splits : Split of each molecule.
    settings : The rule's limits, the fractions and the choice of chains, as JSON.

    Raises
    ------
    OutputError : The folder cannot be made or written to.
    """
    output_folder(folder)
    record = {
        "kind": SPLIT_KIND,
        "provenance": provenance(
            "split", settings, seed, {one.name: one.sha256 for one in molecules}
        ),
        "software": {package: version(package) for package in ("biopython", "gemmi")},
        "summary": summarise(molecules, clustering, splits),
        "linked_pairs": [pair.evidence(molecules) for pair in clustering.linked],
        "near_misses": [
            {**pair.evidence(molecules), "same_split": not _is_across(pair, splits)}
            for pair in clustering.near_misses
        ],
    }
    for split in SPLITS:
        files = [one.path for one, its in zip(molecules, splits, strict=True) if its == split]
        write_path_list(folder / f"{split}{LIST_SUFFIX}", files)
    write_text(folder / "split.csv", _table(molecules, clustering, splits))
    write_json(folder / "split.json", record)


def summarise(
    molecules: Sequence[Molecule], clustering: Clustering, splits: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Count molecules, clusters and mass [kDa] of each split."""
    numbers = Counter(splits)
    clusters = Counter(splits[members[0]] for members in clustering.clusters)
    return {
        split: {
            "molecules": numbers[split],
            "clusters": clusters[split],
            "mass_kda": round(
                sum(m.mass_kda for m, its in zip(molecules, splits, strict=True) if its == split), 2
            ),
        }
        for split in SPLITS
    }


def nearest_across(clustering: Clustering, splits: Sequence[str]) -> Pair | None:
    """Return the pair of lowest E-value whose molecules are in different splits."""
    across = [pair for pair in clustering.near_misses if _is_across(pair, splits)]
    return min(across, key=lambda pair: pair.comparison.e_value or 0.0, default=None)


def _is_across(pair: Pair, splits: Sequence[str]) -> bool:
    return splits[pair.first] != splits[pair.second]


def _table(molecules: Sequence[Molecule], clustering: Clustering, splits: Sequence[str]) -> str:
    width = len(str(len(clustering.clusters)))
    label = {
        place: f"c{number:0{width}d}"
        for number, members in enumerate(clustering.clusters, start=1)
        for place in members
    }
    rows = [
        {
            "name": molecule.name,
            "file": molecule.path.name,
            "chain": " ".join(molecule.chains),
            "split": split,
            "cluster": label[place],
            "residues": molecule.residues,
            "mass_kda": f"{molecule.mass_kda:.3f}",
            "largest_dimension_angstrom": f"{molecule.largest_dimension_angstrom:.2f}",
        }
        for place, (molecule, split) in enumerate(zip(molecules, splits, strict=True))
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
