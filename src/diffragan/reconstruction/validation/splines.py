"""Values and slopes of a map between its voxels, by cubic splines in a box that repeats itself."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

Numbers = NDArray[np.float64]


def spline_of(values: Numbers) -> Numbers:
    """Coefficients of the cubic spline through the voxels of a map `(z, y, x)`."""
    return np.asarray(spline_filter(values, order=3, mode="grid-wrap"))


def spline_at(coefficients: Numbers, places: Numbers, voxel_angstrom: float) -> Numbers:
    """Values of a spline at `(point, xyz)` places [Å] from voxel n // 2."""
    index = places[:, ::-1].T / voxel_angstrom + len(coefficients) // 2
    return np.asarray(
        map_coordinates(coefficients, index, prefilter=False, mode="grid-wrap", order=3)
    )


def spline_with_slopes(
    coefficients: Numbers, places: Numbers, voxel_angstrom: float
) -> tuple[Numbers, Numbers]:
    """Values `(point,)` of a spline and its exact slopes `(point, xyz)` [1/Å].

    Source: Unser, IEEE Signal Process. Mag. 16 (1999) 22, eq. 9 (the cubic B-spline).
    """
    side = len(coefficients)
    index = places / voxel_angstrom + side // 2
    first = np.floor(index).astype(np.int64) - 1
    x, y, z = (first[:, axis, None] + np.arange(4) for axis in range(3))
    flat = ((z % side)[:, :, None, None] * side + (y % side)[:, None, :, None]) * side
    block = np.take(coefficients, flat + (x % side)[:, None, None, :])
    part = index - first - 1
    (wx, dx), (wy, dy), (wz, dz) = (_weights(part[:, axis]) for axis in range(3))
    along = np.einsum("pzyx,px->pzy", block, wx)
    across = np.einsum("pzy,py->pz", along, wy)
    value = np.einsum("pz,pz->p", across, wz)
    steep = np.einsum("pzy,py->pz", np.einsum("pzyx,px->pzy", block, dx), wy)
    slope_x = np.einsum("pz,pz->p", steep, wz)
    slope_y = np.einsum("pz,pz->p", np.einsum("pzy,py->pz", along, dy), wz)
    slope_z = np.einsum("pz,pz->p", across, dz)
    return value, np.stack([slope_x, slope_y, slope_z], -1) / voxel_angstrom


def _weights(part: Numbers) -> tuple[Numbers, Numbers]:
    """Weights `(point, 4)` of the coefficients around a point, and their derivatives."""
    rest = 1 - part
    middle = [2 / 3 - t**2 + t**3 / 2 for t in (part, rest)]
    weights = np.stack([rest**3 / 6, middle[0], middle[1], part**3 / 6], -1)
    slopes = [-(rest**2) / 2, -2 * part + 1.5 * part**2, 2 * rest - 1.5 * rest**2, part**2 / 2]
    return weights, np.stack(slopes, -1)
