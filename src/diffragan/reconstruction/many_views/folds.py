"""Patterns in folds: each is scored on the merge of the others, which hold none of its counts."""

from collections.abc import Iterator
from functools import reduce

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.merging import Merged, added, merge
from diffragan.reconstruction.many_views.patterns import PatternSet

FOLDS = 3
"""Of two parts in three a merge is nearly as good as of all."""


def merges_of_others(
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    folds: int = FOLDS,
    device: torch.device | str = "cpu",
) -> Iterator[tuple[PatternSet, Merged]]:
    """Give the patterns of each fold, and the merge of all other folds.

    Raises
    ------
    InputError : There are fewer patterns than folds.
    """
    if len(patterns) < folds:
        raise InputError(
            f"{patterns.name}: {len(patterns)} patterns cannot be divided into {folds} folds; "
            "give more"
        )
    parts = [patterns.only(patterns.kept[fold::folds]) for fold in range(folds)]
    merges = [merge(part, grid, limit_per_angstrom, device) for part in parts]
    for fold, part in enumerate(parts):
        yield part, reduce(added, (merges[k] for k in range(folds) if k != fold))
