"""R-factors of a map against merged intensities, for working and for free reflections."""

from dataclasses import dataclass

import torch

from diffragan.reconstruction.many_views.lattice import (
    multiplicity,
    shell_index,
    shell_sum,
)
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.moduli import mean_intensity
from diffragan.typing import Bool, Complex, Float, Tensor, Volume

_TINY = torch.finfo(torch.float64).tiny
EVEN_SHARE = 0.1
"""Of a shell's mean intensity in each foretold one: a map's own may vanish by chance, no rate may.
"""


@dataclass(frozen=True, slots=True)
class RFactors:
    """Disagreement of moduli, per shell and over all."""

    work: float
    free: float
    work_by_shell: Float[Tensor, " shell"]
    free_by_shell: Float[Tensor, " shell"]
    free_gain: float
    """Log-likelihood of the free counts, or of free intensities as if so many counts, over that of
    shells of even intensity; per count. The map knows more of them the higher it is."""


class Judge:
    """Judges maps by one merge of patterns, part of which they never saw."""

    def __init__(self, merged: Merged, free: Bool[Tensor, "z y half_x"]) -> None:
        """Keep what every judgement needs."""
        self.merged, self.free = merged, free & merged.known
        self.work = merged.known & ~free
        self.shells = shell_index(merged.grid, merged.values.device)
        self.modulus = merged.intensity.sqrt()
        self.times = multiplicity(merged.grid, merged.values.device)
        self.even = mean_intensity(merged)[self.shells].float()

    def judge(self, volume: Volume, limit_per_angstrom: float | None = None) -> RFactors:
        """Compare a map, origin at voxel [0, 0, 0], up to a frequency [1/Å].

        R = sum |k |F| - M| / sum M with the best k for each shell.

        Source: Brünger, Nature 355 (1992) 472.
        """
        grid = self.merged.grid
        own = transform(volume, grid.pixel_angstrom**3).abs()
        inside = self.work | self.free
        if limit_per_angstrom is not None:
            inside = inside & (self.shells <= limit_per_angstrom * grid.box_angstrom)
        work, free = self.work & inside, self.free & inside
        cross = shell_sum(own * self.modulus * self.times, self.shells, work)
        power = shell_sum(own**2 * self.times, self.shells, work)
        scale = torch.where(power > 0, cross / power.clamp(min=1e-30), 0.0)[self.shells].float()
        missed = (scale * own - self.modulus).abs() * self.times
        seen = self.modulus * self.times
        parts = {
            name: (shell_sum(missed, self.shells, chosen), shell_sum(seen, self.shells, chosen))
            for name, chosen in (("work", work), ("free", free))
        }
        return RFactors(
            _ratio(*(part.sum() for part in parts["work"])).item(),
            _ratio(*(part.sum() for part in parts["free"])).item(),
            _ratio(*parts["work"]),
            _ratio(*parts["free"]),
            self._gain(scale * own, free),
        )

    def correlation(self, volume: Volume, limit_per_angstrom: float) -> float:
        """Correlation of a map's moduli with all measured ones, over their shells' means.

        Molecules of one shape have the same shells, so these say nothing.
        """
        grid = self.merged.grid
        inside = (self.work | self.free) & (self.shells <= limit_per_angstrom * grid.box_angstrom)
        own = transform(volume, grid.pixel_angstrom**3).abs()
        population = shell_sum(inside.float(), self.shells).clamp(min=1)
        parts = []
        for modulus in (own, self.modulus):
            mean = (shell_sum(modulus, self.shells, inside) / population)[self.shells]
            parts.append((modulus / mean.clamp(min=1e-30) - 1)[inside].double())
        cross = (parts[0] * parts[1]).sum()
        norm = parts[0].square().sum() * parts[1].square().sum()
        return float(cross / norm.sqrt().clamp(min=1e-30))

    def by_chance(self, volume: Volume, seed: int = 0) -> float:
        """R-free of a map's moduli at wrong places: each shell's own, shuffled.

        Moduli of the right distribution alone come to it; a map that knows something lies below.
        """
        own = transform(volume, self.merged.grid.pixel_angstrom**3).abs()
        shells = self.shells[self.free]
        wrong = own[self.free][shuffled_within(shells, seed)]
        seen, times = self.modulus[self.free], self.times.expand_as(own)[self.free]
        sums = [
            torch.zeros(
                int(self.shells.max()) + 1, dtype=torch.float64, device=own.device
            ).index_add_(0, shells, (part * times).double())
            for part in (wrong * seen, wrong**2)
        ]
        scale = (sums[0] / sums[1].clamp(min=1e-30))[shells].float()
        missed = ((scale * wrong - seen).abs() * times).double().sum()
        return _ratio(missed, (seen * times).double().sum()).item()

    def _gain(self, modulus: Tensor, free: Bool[Tensor, "z y half_x"]) -> float:
        """Log-likelihood gain of a map's intensities over even shells, per free count."""
        even = self.even[free].double()
        rate = (1 - EVEN_SHARE) * modulus[free].double() ** 2 + EVEN_SHARE * even
        values, expected = self.merged.values[free], self.merged.expected[free]
        foretold, flat = expected * rate, (expected * even).clamp(min=_TINY)
        if self.merged.background is not None:
            behind = self.merged.background[free]
            foretold, flat = foretold + behind, flat + behind
        gain = values * torch.log(foretold.clamp(min=_TINY) / flat) - (foretold - flat)
        total = values.sum()
        return float(gain.sum() / total) if float(total) > 0 else 0.0


def transform(volume: Volume, voxel_angstrom3: float) -> Complex[Tensor, "z y half_x"]:
    """Half transform of a map whose origin is at voxel [0, 0, 0] [V Å3]."""
    spectrum: Tensor = torch.fft.rfftn(volume)
    return spectrum * voxel_angstrom3


def _ratio(top: Tensor, bottom: Tensor) -> Tensor:
    return torch.where(bottom > 0, top / bottom.clamp(min=1e-30), torch.nan)


def shuffled_within(groups: Tensor, seed: int = 0) -> Tensor:
    """Draw a permutation that moves nothing out of its group, the same on every device.

    Parameters
    ----------
    groups : `(sample,)`, the group of each.
    """
    draws = torch.rand(len(groups), generator=torch.Generator().manual_seed(seed))
    by_chance = torch.argsort(groups.cpu().double() + draws.double())
    in_order = torch.argsort(groups.cpu(), stable=True)
    out = torch.empty_like(in_order)
    out[in_order] = by_chance
    return out.to(groups.device)
