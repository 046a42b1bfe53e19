"""What interpolation does to merged intensities, measured on a map's own patterns and taken off.

A sample of a merge is a weighted mean of the pixels around it, not its own intensity: where a
molecule's intensities bend over one sample, moduli come out wrong by a tenth. A map near the truth
tells by how much. Its patterns at the very same pixels, merged in the same way, are to its own
intensities as the measured merge is to the true ones.
"""

from dataclasses import replace

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.agreement import transform
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.merging import Merged, Merger
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.waves import transform_at
from diffragan.typing import Bool, Float, Tensor, Volume

BATCH = 32
"""Patterns for which a map is transformed at once: most of the time goes into each beginning."""
SMALLEST_RATIO, LARGEST_RATIO = 0.1, 1e3
"""Of a mean of pixels to the sample amid them, which may vanish where its surroundings do not."""
TINY_SHARE = 1e-4
"""Of the mean intensity, added to both: what vanishes in both tells nothing."""


def without_interpolation(
    merged: Merged,
    patterns: PatternSet,
    volume: Volume,
    support: Bool[Tensor, "z y x"],
) -> Merged:
    """Expect of each sample what a mean of its surroundings gives, by a map of the molecule.

    Parameters
    ----------
    merged : Merge of the patterns.
    patterns : At the orientations and with the scales they were merged with.
    volume, support : Map on the merge's grid, origin at voxel [0, 0, 0] [V], and where it counts.
    """
    ratio = mean_over_own(merged, patterns, torch.where(support, volume, 0.0))
    return replace(merged, expected=merged.expected * ratio, squares=merged.squares * ratio)


def mean_over_own(
    merged: Merged, patterns: PatternSet, volume: Volume
) -> Float[Tensor, "z y half_x"]:
    """Ratio of a map's patterns, merged, to its own intensities; 1 where nothing was measured."""
    grid = merged.grid
    own = transform(volume, grid.pixel_angstrom**3).abs().double() ** 2
    cut, cut_grid = _cut(volume, grid)
    merger, points = Merger(grid, volume.device), patterns.pixels.points
    for batch in patterns.batches(BATCH):
        places = turned(points.double(), batch.rotations.double())
        power = transform_at(cut, cut_grid, places).abs() ** 2 * batch.expected[:, None]
        merger.add(replace(batch, values=power.float()), points)
    mean = merger.merged(False, merged.limit_per_angstrom)
    tiny = TINY_SHARE * own[merged.known].mean()
    ratio = (mean.intensity.double() + tiny) / (own + tiny)
    return torch.where(merged.known, ratio.clamp(SMALLEST_RATIO, LARGEST_RATIO), 1.0)


def _cut(volume: Volume, grid: Grid) -> tuple[Volume, Grid]:
    """Cut a map to the cube around its origin outside of which it is zero."""
    side = grid.pixels
    axis = torch.fft.fftfreq(side, 1 / side, device=volume.device).abs()
    half = min(int(axis[torch.nonzero(volume)].max()) + 1, side // 2)
    kept = slice(side // 2 - half, side // 2 + half)
    small: Tensor = torch.fft.ifftshift(torch.fft.fftshift(volume)[kept, kept, kept])
    return small, Grid(2 * half, 2 * half * grid.pixel_angstrom)
