"""Q-scores: how much the map around each atom looks like a single atom.

Map values at points on spheres around an atom, all nearer to it than to any other, are correlated
with a Gaussian at the same distances: 1 where the atom stands out as at 1.2 Å, 0 or less where the
map does not know of it.

Source: Pintilie et al., Nat. Methods 17 (2020) 328. The points here are chosen from fixed
directions in a fixed order, and the map is interpolated by cubic splines.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.reconstruction.validation.splines import spline_at, spline_of
from diffragan.typing import Volume

Numbers = NDArray[np.float64]

SIGMA_ANGSTROM = 0.6
RADII_ANGSTROM = np.linspace(0.0, 2.0, 21)
POINTS = 8
"""On each sphere."""
DIRECTIONS = 128
"""Tried on each sphere, until `POINTS` of them are nearer to their atom than to others."""
GOLDEN_ANGLE_RAD = np.pi * (3 - 5**0.5)
BATCH = 512


def _directions() -> Numbers:
    """Return directions spread evenly, so ordered that the first few are spread evenly too."""
    bits = DIRECTIONS.bit_length() - 1
    order = np.array([int(f"{n:0{bits}b}"[::-1], 2) for n in range(DIRECTIONS)])
    z = 1 - (2 * order + 1) / DIRECTIONS
    across, angle = np.sqrt(1 - z**2), GOLDEN_ANGLE_RAD * order
    return np.stack([across * np.cos(angle), across * np.sin(angle), z], -1)


DIRECTION_VECTORS = _directions()


def q_scores(volume: Volume, grid: Grid, positions: Numbers) -> Numbers:
    """Q-score `(atom,)` of each atom, from -1 to 1; not a number for one outside the map.

    Parameters
    ----------
    volume : `(z, y, x)`.
    grid : Its sampling.
    positions : `(atom, xyz)` in the map's frame, without hydrogens [Å].

    Raises
    ------
    InputError : There are no atoms, most lie outside the map, or it is flat or not finite.
    """
    check_volume(volume, grid)
    check_contrast(volume)
    if len(positions) == 0:
        raise InputError("the model has no atoms to score; give one with atoms beside hydrogen")
    places = positions / grid.pixel_angstrom + grid.pixels // 2
    inside = ((places >= 0) & (places <= grid.pixels - 1)).all(1)
    if 2 * inside.sum() < len(positions):
        raise InputError(
            f"{(~inside).sum()} of {len(positions)} atoms lie outside the map; dock the model first"
        )
    coefficients = spline_of(volume.double().numpy())
    limits = _cell_limits(positions)
    scores = np.full(len(positions), np.nan)
    for part in np.array_split(np.flatnonzero(inside), -(-len(positions) // BATCH)):
        scores[part] = _scores(coefficients, grid, positions[part], limits[part])
    return scores


def by_residue(values: Numbers, residue: NDArray[np.int64], count: int) -> Numbers:
    """Mean of atoms' values over each of `count` residues; not a number where none is known."""
    known = np.isfinite(values)
    values, residue = values[known], residue[known]
    sums = np.bincount(residue, values, count)
    atoms = np.bincount(residue, minlength=count)
    return np.asarray(np.where(atoms > 0, sums / np.maximum(atoms, 1), np.nan))


def _scores(coefficients: Numbers, grid: Grid, positions: Numbers, limits: Numbers) -> Numbers:
    # (atom, radius, direction): nearer to this atom than to any other, the first few of them.
    free = RADII_ANGSTROM[:, None] < limits[:, None, :]
    chosen = free & (np.cumsum(free, -1) <= POINTS)
    atom, radius, direction = np.nonzero(chosen)
    points = positions[atom] + RADII_ANGSTROM[radius, None] * DIRECTION_VECTORS[direction]
    values = spline_at(coefficients, points, grid.pixel_angstrom)
    wanted = np.exp(-(RADII_ANGSTROM[radius] ** 2) / (2 * SIGMA_ANGSTROM**2))
    return _correlation_by_group(values, wanted, atom, len(positions))


def _correlation_by_group(
    first: Numbers, second: Numbers, group: NDArray[np.int64], count: int
) -> Numbers:
    members = np.maximum(np.bincount(group, minlength=count), 1)

    def centred(values: Numbers) -> Numbers:
        return np.asarray(values - (np.bincount(group, values, count) / members)[group])

    a, b = centred(first), centred(second)
    cross = np.bincount(group, a * b, count)
    norm = np.sqrt(np.bincount(group, a * a, count) * np.bincount(group, b * b, count))
    return np.asarray(np.where(norm > 0, cross / np.maximum(norm, 1e-300), 0.0))


def _cell_limits(positions: Numbers) -> Numbers:
    """How far from each atom `(atom, direction)` points are still nearest to it [Å].

    A point at r u is nearer to its atom than to one at d where 2 r u.d < d.d.
    """
    limits = np.full((len(positions), DIRECTIONS), np.inf)
    pairs = cKDTree(positions).query_pairs(2 * RADII_ANGSTROM[-1], output_type="ndarray")
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    starts = np.searchsorted(pairs[:, 0], np.arange(len(positions) + 1))
    for atom in range(len(positions)):
        others = positions[pairs[starts[atom] : starts[atom + 1], 1]] - positions[atom]
        squares = (others**2).sum(-1)
        others, squares = others[squares > 0], squares[squares > 0]
        if len(others):
            steepest = (2 * others / squares[:, None] @ DIRECTION_VECTORS.T).max(0)
            limits[atom] = np.where(steepest > 0, 1 / np.maximum(steepest, 1e-12), np.inf)
    return limits
