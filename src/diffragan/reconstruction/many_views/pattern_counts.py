"""The likelihood of every pattern's counts, multiple scattering included.

Gradients of patterns are added one batch after another, so memory does not grow with their number.
"""

import torch

from diffragan.reconstruction.many_views.agreement import EVEN_SHARE
from diffragan.reconstruction.many_views.counts_refinement import RoundScore, curvature_of
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import nearest_place
from diffragan.reconstruction.many_views.merged_counts import LEAST_SHARE
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.moduli import mean_intensity
from diffragan.reconstruction.many_views.pattern_model import PatternModel
from diffragan.reconstruction.many_views.patterns import PatternBatch, PatternSet
from diffragan.typing import Bool, Complex, Tensor, Volume

BATCH = 64
"""Patterns of one gradient: a transform between samples costs its grid once for each batch."""
LEAST_VALUE = 1e-30
"""Where nothing at all is expected."""


class PatternCounts:
    """Counts of all patterns of a set."""

    def __init__(
        self, patterns: PatternSet, merged: Merged, free: Bool[Tensor, "z y half_x"]
    ) -> None:
        """Keep out pixels that lie at free samples.

        Parameters
        ----------
        patterns : With scales refined as for the merge.
        merged : Their merge.
        """
        self.grid, self.patterns = merged.grid, patterns
        self.free = (free & merged.known).flatten()
        self.curvature = curvature_of(merged, free)
        self.model = PatternModel(
            patterns.experiment, patterns.pixels, self.grid, merged.limit_per_angstrom
        )
        mean, points = mean_intensity(merged), patterns.pixels.points
        shells = (points.norm(dim=-1) * self.grid.box_angstrom).round().long()
        self.even = mean[shells.clamp(max=len(mean) - 1).to(mean.device)].float()

    def slope(self, volume: Volume) -> tuple[Complex[Tensor, "z y half_x"], RoundScore]:
        """Return how minus the log-likelihood changes with each sample of a map, and its score."""
        total = torch.zeros_like(volume)
        gains = torch.zeros(2, 2, dtype=torch.float64)
        for batch in self.patterns.batches(BATCH):
            gradient, gain = self._of_batch(batch, volume)
            total += gradient
            gains += gain
        work, free = (gains[:, 0] / gains[:, 1].clamp(min=1e-300)).tolist()
        # A real map's gradient speaks of each sample and of its mate.
        unit = 2 / (self.grid.pixel_angstrom**3 * volume.numel())
        return torch.fft.rfftn(total) * unit, RoundScore(work, free)

    def _of_batch(self, batch: PatternBatch, volume: Volume) -> tuple[Volume, Tensor]:
        """Gradient of minus the log-likelihood; gain and counts of work and of free pixels."""
        values = batch.values.to(volume.device)
        expected = batch.expected.to(values)[:, None]
        points = turned(self.patterns.pixels.points, batch.rotations)
        free = self.free[nearest_place(points, self.grid).to(self.free.device)]
        behind = 0.0 if batch.background is None else batch.background.to(values)
        even = (expected * self.even + behind).clamp(min=LEAST_VALUE)
        volume = volume.detach().requires_grad_()
        foretold = expected * self.model.intensities(volume, batch.rotations) + behind
        held = torch.lerp(foretold, even, LEAST_SHARE)
        loss = torch.where(free, 0.0, held - torch.xlogy(values, held)).double().sum()
        (gradient,) = torch.autograd.grad(loss, volume)
        judged = torch.lerp(foretold.detach(), even, EVEN_SHARE)
        gain = (torch.xlogy(values, judged / even) - judged + even).double()
        sums = [[part[chosen].sum() for part in (gain, values.double())]
                for chosen in (~free, free)]  # fmt: skip
        return gradient, torch.tensor([[float(part) for part in row] for row in sums]).double()
