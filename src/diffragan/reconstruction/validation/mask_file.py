"""A mask that was made elsewhere, read and checked against the map it is for."""

from pathlib import Path

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc
from diffragan.typing import Volume

EQUAL_PIXELS = 1e-3
ROUNDING = 1e-4
"""By which values may lie outside 0 to 1: programs that filter a mask leave as much."""
INSIDE = 0.5
"""Value from which a voxel counts as within."""


def read_mask(path: Path, grid: Grid) -> Volume:
    """Read a mask `(z, y, x)` from 0 to 1 of a map on a grid.

    Raises
    ------
    InputError : It is no volume, on another grid, has values beyond 0 to 1, or nothing within.
    """
    values, pixel, kind = read_mrc(path)
    side = grid.pixels
    if kind != "volume" or values.shape != (side,) * 3:
        size = " x ".join(map(str, values.shape))
        raise InputError(
            f"{path}: a {kind} of {size}; the mask of this map has {side} x {side} x {side} voxels"
        )
    if abs(pixel - grid.pixel_angstrom) > EQUAL_PIXELS * grid.pixel_angstrom:
        raise InputError(
            f"{path}: has voxels of {pixel:.4g} Å, and the map of {grid.pixel_angstrom:.4g} Å; "
            "resample the mask"
        )
    low, high = float(values.min()), float(values.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise InputError(
            f"{path}: has values from {low:.3g} to {high:.3g}, and a mask has them from 0 to 1; "
            "a map is no mask"
        )
    if high < INSIDE:
        raise InputError(f"{path}: is empty, none of its values reaches {INSIDE:g}; make it again")
    return torch.from_numpy(values).clamp(0, 1)
