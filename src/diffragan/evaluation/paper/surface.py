"""A map's surface as a picture: where straight lines of sight first meet its level, in daylight."""

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.evaluation.paper.judged import Numbers
from diffragan.grid import Grid
from diffragan.rings import ring_index
from diffragan.typing import Volume

LIGHT = (-0.45, 0.55, 0.70)
"""Direction to the lamp, x to the right, y up, z towards the eye; of length one, nearly."""
AMBIENT = 0.30
FOG = 0.45
"""How much of its colour the farthest point loses, so that depth is seen."""
FLOOR = 1e-12


def band_limited(volume: Volume, grid: Grid, finest_angstrom: float) -> Volume:
    """Cut a map `(z, y, x)` off at a resolution, as sharp as shells are drawn."""
    transform = torch.fft.fftn(volume.double())
    kept = ring_index(tuple(volume.shape), volume.device) <= grid.box_angstrom / finest_angstrom
    limited: Volume = torch.fft.ifftn(transform * kept).real.float()
    return limited


def level_that_holds(volume: Numbers, voxels: int) -> float:
    """Level above which a map has so many voxels: surfaces of one volume can be compared."""
    voxels = min(max(voxels, 1), volume.size)
    return float(np.partition(volume, -voxels, axis=None)[-voxels])


def finer(volume: Numbers, factor: int) -> Numbers:
    """Sample a map `(z, y, x)` of even sides more finely, by its Fourier series."""
    side = volume.shape[0]
    transform = np.fft.fftshift(np.fft.fftn(volume))
    margin = side * (factor - 1) // 2
    padded = np.fft.ifftshift(np.pad(transform, margin))
    return np.asarray(np.fft.ifftn(padded).real * factor**3)


def shaded_surface(volume: Numbers, level: float, colour: tuple[float, float, float]) -> Numbers:
    """Draw the surface of a map `(z, y, x)` as seen from its last plane.

    Returns
    -------
    `(y, x, 4)` colours with opacity, row 0 at the bottom.
    """
    towards = volume[::-1]  # the first plane is the nearest
    above = towards > level
    seen = np.asarray(above.any(0))
    depth = above.argmax(0)
    y, x = np.indices(depth.shape)
    here = towards[depth, y, x]
    before = towards[np.maximum(depth - 1, 0), y, x]
    part = np.where(depth > 0, (here - level) / np.maximum(here - before, FLOOR), 0.0)
    slopes = [np.asarray(slope)[::-1][depth, y, x] for slope in np.gradient(volume)]
    normal = -np.stack([slopes[2], slopes[1], slopes[0]], -1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), FLOOR)
    lit = np.asarray(AMBIENT + (1 - AMBIENT) * np.clip(normal @ np.array(LIGHT), 0, 1))
    near = 1 - (depth - part) / len(volume)
    fog = FOG * (1 - _stretched(near, seen))
    drawn = np.zeros((*depth.shape, 4))
    drawn[..., :3] = np.array(colour) * lit[..., None] * (1 - fog[..., None]) + fog[..., None]
    drawn[..., 3] = seen
    return np.clip(drawn, 0, 1)


def _stretched(values: Numbers, where: NDArray[np.bool_]) -> Numbers:
    """Bring the values at some places to 0 to 1."""
    if not where.any():
        return np.zeros_like(values)
    low, high = values[where].min(), values[where].max()
    return np.asarray(np.clip((values - low) / max(high - low, FLOOR), 0, 1))
