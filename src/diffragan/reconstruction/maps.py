"""The map of all views and the maps of both halves, from one pass over the views."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.density import density
from diffragan.reconstruction.insertion import SliceAccumulator
from diffragan.reconstruction.views import Batch, checked
from diffragan.typing import Float, Int, Tensor, Volume


@dataclass(frozen=True, slots=True)
class Maps:
    """Three densities `(z, y, x)` with their origin at pixel n // 2."""

    full: Volume
    half1: Volume
    """Of the views 0, 2, 4, ..., unless half sets were given."""
    half2: Volume
    """Of the others."""
    views: int


COUNT = 3
"""Densities of `Maps`."""


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
    half_sets: Int[Tensor, " views"] | None = None,
    turns: Float[Tensor, "turn 3 3"] | None = None,
    band_limit_per_angstrom: float | None = None,
    watch: Callable[[], None] | None = None,
    device: torch.device | str = "cpu",
) -> Maps:
    """Densities of all views and of both half sets; memory does not grow with the views.

    Parameters
    ----------
    batches : Projections, rotations and shifts.
    grid : Sampling of the images and of the maps.
    half_sets : `(views,)` 0 or 1, in the order of the views; even and odd ones when not given.
    turns : `(turn, 3, 3)` symmetry of the molecule: each view is inserted at all of them.
    band_limit_per_angstrom : Frequencies beyond it stay out; Nyquist when not given [1/Å].
    watch : Called whenever one of the three is done, each of which may take minutes.

    Raises
    ------
    InputError : A half set has no view, the shapes disagree, or a value is not finite.
    """
    halves = [SliceAccumulator(grid, band_limit_per_angstrom, device) for _ in range(2)]
    views = 0
    for projections, rotations, shifts in checked(batches, grid):
        numbers = torch.arange(views, views + len(projections))
        sets = numbers % 2 if half_sets is None else half_sets[numbers]
        for which, half in enumerate(halves):
            part = sets == which
            for turn in [None] if turns is None else turns:
                turned = rotations[part] if turn is None else rotations[part] @ turn
                half.insert(projections[part], turned, shifts[part])
        views += len(projections)
    if views < 2:
        raise InputError(f"half maps need two views or more, and {views} came")
    if min(half.views for half in halves) == 0:
        raise InputError(f"all {views} views are in one half set, and half maps need both")
    volumes = []
    for parts in (halves, halves[:1], halves[1:]):
        volumes.append(density(*parts))
        if watch is not None:
            watch()
    full, half1, half2 = volumes
    return Maps(full, half1, half2, views)
