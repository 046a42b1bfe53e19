"""The likelihood of merged counts: what refinement against them needs.

Linear interpolation between samples smears the merged intensity, and so does the detector's point
spread: far pairs of atoms are dimmed in its transform, the autocorrelation. What a map foretells is
smeared alike before it is compared.
"""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.agreement import EVEN_SHARE
from diffragan.reconstruction.many_views.counts_refinement import RoundScore, curvature_of
from diffragan.reconstruction.many_views.lattice import shell_index
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.moduli import mean_intensity
from diffragan.typing import Bool, Complex, Float, Tensor, Volume

LEAST_SHARE = 0.02
"""Of a shell's mean in each foretold intensity: moduli near 0 would steer by single counts."""


class MergedCounts:
    """Counts that were merged, each expected once."""

    def __init__(self, merged: Merged, free: Bool[Tensor, "z y half_x"]) -> None:
        """Keep out the free samples."""
        self.grid, known = merged.grid, merged.known
        self.work, self.free = known & ~free, known & free
        self.curvature = curvature_of(merged, free)
        even = mean_intensity(merged)[shell_index(self.grid, free.device)]
        # Single precision: sums are double, and a round takes half the time.
        self.values, self.expected = merged.values.float(), merged.expected.float()
        behind = merged.background
        self.background = torch.zeros_like(self.values) if behind is None else behind.float()
        self.even = self._rate(even.float()).clamp(min=_TINY)
        self.dimmed = _dimming(self.grid, merged.spread_per_angstrom, free.device)

    def slope(self, volume: Volume) -> tuple[Complex[Tensor, "z y half_x"], RoundScore]:
        """Return how minus the log-likelihood changes with each sample of a map, and its score."""
        spectrum = torch.fft.rfftn(volume) * self.grid.pixel_angstrom**3
        seen = self._smeared(spectrum.abs().square())
        foretold = self._rate(seen)
        held = torch.lerp(foretold, self.even, LEAST_SHARE)
        wrong = self.expected * (1 - self.values / held)
        back = self._smeared(torch.where(self.work, wrong, 0.0))
        judged = torch.lerp(foretold, self.even, EVEN_SHARE)
        gain = torch.xlogy(self.values, judged / self.even) - judged + self.even
        score = RoundScore(self._mean(gain, self.work), self._mean(gain, self.free))
        return 2 * spectrum * back, score

    def _smeared(self, intensity: Float[Tensor, "z y half_x"]) -> Tensor:
        """Interpolate linearly at random places, and spread; the same as its adjoint."""
        pairs = torch.fft.irfftn(intensity, s=(self.grid.pixels,) * 3)
        out: Tensor = torch.fft.rfftn(pairs * self.dimmed).real
        return out

    def _mean(self, gain: Tensor, chosen: Tensor) -> float:
        total = float(self.values[chosen].double().sum())
        return float(gain[chosen].double().sum()) / total if total > 0 else 0.0

    def _rate(self, intensity: Tensor) -> Tensor:
        """Return merged counts to expect of an intensity; none of a negative one."""
        return self.expected * intensity.clamp(min=0) + self.background


_TINY = 1e-30
IN_PLANE = 2 / 3
"""Share of the three dimensions that lie in a pattern's plane."""


def _dimming(
    grid: Grid, spread_per_angstrom: float, device: torch.device
) -> Float[Tensor, "z y x"]:
    """Transform of linear interpolation by a sample along each axis, origin at [0, 0, 0].

    A point spread acts in the planes of patterns, two of three dimensions. Over patterns of all
    orientations it is two thirds of it along each axis, exactly so to second order.

    Source: Jackson et al., IEEE Trans. Med. Imaging 10 (1991) 473 (gridding and its correction).
    """
    place = torch.fft.fftfreq(grid.pixels, dtype=torch.float64, device=device)
    angle = 2 * torch.pi * spread_per_angstrom * grid.box_angstrom * place
    along = torch.sinc(place) ** 2 * torch.exp(-angle.square() * IN_PLANE / 2)
    return (along[:, None, None] * along[:, None] * along).float()
