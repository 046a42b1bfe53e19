"""How well a model lies in a map, residue by residue, and from the middle to the periphery."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.errors import InputError
from diffragan.grid import Grid

Numbers = NDArray[np.float64]
Voxels = NDArray[np.int64]
"""`(voxel, 3)`, voxels z, y, x."""

LEAST_RADIUS_ANGSTROM = 1.5
"""Around each atom: it holds most of an atom at 1 to 2 Å, and little of its neighbours."""


def radius_at(resolution_angstrom: float | None) -> float:
    """Radius around an atom [Å] that holds most of its density at a resolution."""
    return max(LEAST_RADIUS_ANGSTROM, (resolution_angstrom or 0.0) / 2)


def voxels_near(positions: Numbers, grid: Grid, radius_angstrom: float) -> Voxels:
    """Voxels within a radius of any of some atoms `(atom, xyz)` [Å], each once."""
    middle = grid.pixels // 2
    lowest = np.floor((positions.min(0) - radius_angstrom) / grid.pixel_angstrom).astype(int)
    highest = np.ceil((positions.max(0) + radius_angstrom) / grid.pixel_angstrom).astype(int)
    axes = [
        np.arange(max(low, -middle), min(high, grid.pixels - 1 - middle) + 1)
        for low, high in zip(lowest, highest, strict=True)
    ]
    x, y, z = (part.ravel() for part in np.meshgrid(*axes, indexing="ij"))
    steps = np.stack([x, y, z], -1)
    distance, _ = cKDTree(positions).query(
        steps * grid.pixel_angstrom, distance_upper_bound=radius_angstrom
    )
    near = steps[np.isfinite(distance)][:, ::-1] + middle
    return np.asarray(near, dtype=np.int64)


def correlation_in(volume: Numbers, model_map: Numbers, voxels: Voxels) -> float:
    """Correlation of a map with the model's own in some voxels; 0 where one of them is flat.

    Source: Jones, Zou, Cowan and Kjeldgaard, Acta Cryst. A47 (1991) 110.
    """
    first, second = (one[tuple(voxels.T)] for one in (volume, model_map))
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm > 0 else 0.0


def residue_correlations(
    volume: Numbers, model_map: Numbers, residues: Sequence[Voxels]
) -> Numbers:
    """Correlation `(residue,)` around each residue; not a number for one outside the map."""
    return np.array(
        [correlation_in(volume, model_map, v) if len(v) > 1 else np.nan for v in residues]
    )


def residue_sigmas(volume: Numbers, residues: Sequence[Voxels]) -> Numbers:
    """Mean of a map around each residue, in standard deviations of the map above its mean."""
    deviation = float(volume.std()) or 1.0
    means = np.array([volume[tuple(v.T)].mean() if len(v) else np.nan for v in residues])
    return np.asarray((means - volume.mean()) / deviation)


def distances_from_centre(positions: Numbers, residue: NDArray[np.int64], count: int) -> Numbers:
    """Distance `(residue,)` [Å] of each residue's centre from that of all atoms."""
    if len(positions) == 0:
        raise InputError("the model has no atoms; give one with atoms beside hydrogen")
    members = np.maximum(np.bincount(residue, minlength=count), 1)
    centres = np.stack([np.bincount(residue, axis, count) for axis in positions.T], -1)
    return np.asarray(np.linalg.norm(centres / members[:, None] - positions.mean(0), axis=-1))


def by_distance(distance: Numbers, values: Numbers, parts: int = 6) -> tuple[Numbers, Numbers]:
    """Means over groups of equal size, from the centre outwards: distances and values."""
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(distance[known], kind="stable")]
    groups = [group for group in np.array_split(order, parts) if len(group)]
    middles = np.array([distance[group].mean() for group in groups])
    return middles, np.array([values[group].mean() for group in groups])
