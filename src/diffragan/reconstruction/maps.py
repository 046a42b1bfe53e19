"""The map of all views and the maps of both halves, from one pass over the views."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.density import density
from diffragan.reconstruction.insertion import SliceAccumulator
from diffragan.reconstruction.views import Batch, checked
from diffragan.typing import Float, Tensor, Volume


@dataclass(frozen=True, slots=True)
class Maps:
    """Three densities `(z, y, x)` with their origin at pixel n // 2."""

    full: Volume
    half1: Volume
    """Of the views 0, 2, 4, ..."""
    half2: Volume
    """Of the views 1, 3, 5, ..."""
    views: int


def reconstruct_map(
    projections: Float[Tensor, "views y x"],
    rotations: Float[Tensor, "views 3 3"],
    shifts_angstrom: Float[Tensor, "views axes"],
    grid: Grid,
    *,
    band_limit_per_angstrom: float | None = None,
    device: torch.device | str = "cpu",
) -> Volume:
    """Density `(z, y, x)` from projections at known orientations.

    Parameters
    ----------
    projections : `(views, y, x)`, origin at pixel n // 2.
    rotations : `(views, 3, 3)`, molecule to laboratory frame.
    shifts_angstrom : `(views, 2)` or `(views, 3)`, where the molecule's origin appears [Å].
    grid : Sampling of the images and of the map.
    band_limit_per_angstrom : Frequencies beyond it stay out; Nyquist when not given [1/Å].

    Raises
    ------
    InputError : There are no views, the shapes disagree, or a value is not finite.
    """
    accumulator = SliceAccumulator(grid, band_limit_per_angstrom, device)
    for batch in checked([(projections, rotations, shifts_angstrom)], grid):
        accumulator.insert(*batch)
    if accumulator.views == 0:
        raise InputError("there are no views to reconstruct from")
    return density(accumulator)


def reconstruct_halves(
    batches: Iterable[Batch],
    grid: Grid,
    *,
    band_limit_per_angstrom: float | None = None,
    device: torch.device | str = "cpu",
) -> Maps:
    """Densities of all, of the even and of the odd views; memory does not grow with the views.

    Raises
    ------
    InputError : There are fewer than two views, the shapes disagree, or a value is not finite.
    """
    halves = [SliceAccumulator(grid, band_limit_per_angstrom, device) for _ in range(2)]
    views = 0
    for projections, rotations, shifts in checked(batches, grid):
        for parity, half in enumerate(halves):
            part = slice((parity - views) % 2, None, 2)
            half.insert(projections[part], rotations[part], shifts[part])
        views += len(projections)
    if views < 2:
        raise InputError(f"half maps need two views or more, and {views} came")
    return Maps(density(*halves), density(halves[0]), density(halves[1]), views)
