"""How well a model lies in a map, residue by residue."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.evaluation.paper.judged import Numbers
from diffragan.grid import Grid
from diffragan.rings import ring_index
from diffragan.typing import Volume

RADIUS_ANGSTROM = 1.5
"""Around each atom: it holds most of an atom at 1 to 2 Å, and little of its neighbours."""

Places = NDArray[np.int64]
"""`(voxel, 3)`, voxels z, y, x."""


def band_limited(volume: Volume, grid: Grid, finest_angstrom: float) -> Volume:
    """Cut a map `(z, y, x)` off at a resolution, as sharp as shells are drawn."""
    transform = torch.fft.fftn(volume.double())
    kept = ring_index(tuple(volume.shape), volume.device) <= grid.box_angstrom / finest_angstrom
    limited: Volume = torch.fft.ifftn(transform * kept).real.float()
    return limited


def voxels_around(positions: Numbers, grid: Grid) -> Places:
    """Voxels within `RADIUS_ANGSTROM` of any of some atoms `(atom, xyz)`, each once."""
    reach = int(np.ceil(RADIUS_ANGSTROM / grid.pixel_angstrom)) + 1
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), -1)
    centres = positions[:, ::-1] / grid.pixel_angstrom + grid.pixels // 2
    places = np.rint(centres).astype(np.int64)[:, None] + steps.reshape(1, -1, 3)
    far = np.linalg.norm(places - centres[:, None], axis=-1) * grid.pixel_angstrom
    near = np.unique(places[far <= RADIUS_ANGSTROM], axis=0)
    inside = ((near >= 0) & (near < grid.pixels)).all(1)
    return np.asarray(near[inside])


def map_model_correlation(
    volume: Numbers, model_map: Numbers, residues: Sequence[Places]
) -> Numbers:
    """Correlation of a map with the model's own around each residue; 0 where one of them is flat.

    Source: Jones, Zou, Cowan and Kjeldgaard, Acta Cryst. A47 (1991) 110 (by residue).
    """
    return np.array([_correlation(volume[tuple(p.T)], model_map[tuple(p.T)]) for p in residues])


def mean_sigmas(volume: Numbers, residues: Sequence[Places]) -> Numbers:
    """Mean of a map around each residue, in standard deviations of the map above its mean."""
    deviation = float(volume.std()) or 1.0
    means = np.array([volume[tuple(p.T)].mean() for p in residues])
    return np.asarray((means - volume.mean()) / deviation)


def _correlation(first: Numbers, second: Numbers) -> float:
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm > 0 else 0.0
