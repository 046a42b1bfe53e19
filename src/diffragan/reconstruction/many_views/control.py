"""The wrong-molecule control: patterns of another molecule with this coarse map must fail."""

from dataclasses import dataclass

import torch

from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.reconstruction.many_views.extension import Extended, extend_phases
from diffragan.reconstruction.many_views.lattice import frequency
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.typing import Bool, Tensor, Volume

ALIKE = 0.3
"""Correlation of moduli above which a noisy coarse map and patterns are of one molecule."""
KEPT = 0.5
"""Correlation with the coarse map that phases in force keep: below it they contradict it."""


@dataclass(frozen=True, slots=True)
class ControlVerdict:
    """Whether patterns and a coarse map belong together, without the truth."""

    alike: float
    """Correlation of the coarse map's moduli with those measured, over their shells' means."""
    r_free: float
    free_gain: float
    kept: float
    """Correlation of the coarse map with the same frequencies of the extended one."""

    @property
    def fits(self) -> bool:
        """Whether map and patterns support each other."""
        return self.alike > ALIKE and self.kept > KEPT


def control(
    start: Volume,
    merged: Merged,
    free: Bool[Tensor, "z y half_x"],
    molecule_angstrom3: float,
    settings: ExtensionSettings,
) -> ControlVerdict:
    """Extend phases and ask whether the coarse map and the intensities agree.

    Parameters
    ----------
    start, merged, free, molecule_angstrom3, settings : See `extend_phases`.
    """
    extended = extend_phases(start, merged, free, molecule_angstrom3, settings)
    return verdict_on(start, extended, merged, free, settings)


def verdict_on(
    start: Volume,
    extended: Extended,
    merged: Merged,
    free: Bool[Tensor, "z y half_x"],
    settings: ExtensionSettings,
) -> ControlVerdict:
    """Ask of a finished extension whether the coarse map and the intensities agree.

    Parameters
    ----------
    extended : What `extend_phases` made of the others.
    start, merged, free, settings : See `extend_phases`.
    """
    limit = min(1 / settings.start_angstrom, merged.limit_per_angstrom)
    alike = Judge(merged, free).correlation(start, limit)
    chosen = extended.records[extended.chosen].r_factors
    inside = frequency(merged.grid, start.device) <= limit
    first, last = (torch.fft.rfftn(part)[inside] for part in (start, extended.volume))
    cross = (first * last.conj()).real.double().sum()
    power = first.abs().square().double().sum() * last.abs().square().double().sum()
    kept = float(cross / power.sqrt().clamp(min=1e-30))
    return ControlVerdict(alike, chosen.free, chosen.free_gain, kept)
