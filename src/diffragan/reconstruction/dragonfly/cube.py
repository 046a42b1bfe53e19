"""Between Dragonfly's cube of intensities, odd and centred, and our half transform in FFT order."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import half_shape
from diffragan.typing import Float, Tensor


def half_of_cube(cube: Float[Tensor, "z y x"], grid: Grid) -> Float[Tensor, "z y half_x"]:
    """Lay a cube, the same at q and -q, on a half transform; what lies beyond either is 0."""
    middle = len(cube) // 2
    reach = _reach(len(cube), grid)
    span = torch.arange(-reach, reach + 1)
    out = cube.new_zeros(half_shape(grid))
    places = span % grid.pixels
    inner = cube[middle + span][:, middle + span][..., middle : middle + reach + 1]
    out[places[:, None], places, : reach + 1] = inner
    return out


def cube_of_half(
    half: Float[Tensor, "z y half_x"], grid: Grid, voxels: int
) -> Float[Tensor, "z y x"]:
    """Lay a half transform on a cube of an odd number of voxels; what lies beyond either is 0."""
    middle, reach = voxels // 2, _reach(voxels, grid)
    span = torch.arange(-reach, reach + 1)
    places = span % grid.pixels
    inner = half[places[:, None], places, : reach + 1]
    mates = inner.flip(0, 1, 2)[..., :-1]
    out = half.new_zeros(voxels, voxels, voxels)
    low, high = middle - reach, middle + reach + 1
    out[low:high, low:high, low:high] = torch.cat([mates, inner], dim=-1)
    return out


def _reach(voxels: int, grid: Grid) -> int:
    """Return how many samples from the origin both have on either side."""
    return min(voxels // 2, grid.pixels // 2 - 1)
