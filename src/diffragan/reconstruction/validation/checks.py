"""What a map must be before anything is measured on it."""

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.typing import Volume


def check_volume(volume: Volume, grid: Grid, name: str = "the map") -> None:
    """Refuse what cannot be measured.

    Parameters
    ----------
    volume : `(z, y, x)`.
    grid : Sampling that the volume should have.
    name : What to call it in the error.

    Raises
    ------
    InputError : The volume has another shape than its grid, or holds values that are not finite.
    """
    if tuple(volume.shape) != (grid.pixels,) * 3:
        shape = " x ".join(map(str, volume.shape))
        side = grid.pixels
        raise InputError(
            f"{name} has {shape} voxels where {side} x {side} x {side} are needed; "
            "bring both to one box and pixel size first"
        )
    if not torch.isfinite(volume).all():
        raise InputError(f"{name} holds values that are not finite; reconstruct it again")


def check_contrast(volume: Volume, name: str = "the map") -> None:
    """Refuse a map that has one value everywhere.

    Raises
    ------
    InputError : It is such a map.
    """
    if float(volume.max()) <= float(volume.min()):
        raise InputError(f"{name} has the same value everywhere; there is nothing to measure in it")
