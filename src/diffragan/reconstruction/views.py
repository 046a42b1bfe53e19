"""What a reconstruction is fed: batches of images with their orientations and shifts."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.typing import Tensor

Batch: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Projections `(n, y, x)`, rotations `(n, 3, 3)` and shifts `(n, 2)` or `(n, 3)` [Å]."""


def checked(batches: Iterable[Batch], grid: Grid) -> Iterator[Batch]:
    """Yield batches whose shapes agree and whose values are finite.

    Raises
    ------
    InputError : A batch is not so; a view is named by its number from 0 over all batches.
    """
    first = 0
    for batch in batches:
        _check_shapes(batch, grid)
        for name, values in zip(("image", "orientation", "shift"), batch, strict=True):
            finite = torch.isfinite(values).flatten(1).all(1)
            if not finite.all():
                view = first + int(torch.nonzero(~finite)[0])
                raise InputError(f"view {view}: its {name} has values that are not finite")
        yield batch
        first += len(batch[0])


def _check_shapes(batch: Batch, grid: Grid) -> None:
    projections, rotations, shifts = batch
    if projections.ndim != 3 or tuple(projections.shape[1:]) != (grid.pixels, grid.pixels):
        raise InputError(
            f"images of shape {tuple(projections.shape)} came for a grid of {grid.pixels} pixels; "
            f"(views, {grid.pixels}, {grid.pixels}) is needed"
        )
    views = len(projections)
    if tuple(rotations.shape) != (views, 3, 3) or tuple(shifts.shape) not in {
        (views, 2),
        (views, 3),
    }:
        raise InputError(
            f"{views} images came with orientations of shape {tuple(rotations.shape)} and shifts "
            f"of shape {tuple(shifts.shape)}; ({views}, 3, 3) and ({views}, 2) are needed"
        )
