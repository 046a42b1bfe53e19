"""Patterns that fit nothing are found and left out, each with its reason."""

from dataclasses import dataclass

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.likelihood import background_of, misfit
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.scales import relative_scales
from diffragan.reconstruction.many_views.slices import Slices
from diffragan.robust import MAD_TO_SIGMA
from diffragan.typing import Float, Tensor

EMPTY = 0.25
"""Of the usual brightness: less has no molecule in the beam."""
CROWDED = 1.7
"""Times the usual brightness: two molecules scatter twice as much as one."""
WORST_DEVIATIONS = 6.0
"""Robust standard deviations of the misfit beyond the median that a pattern may have."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One pattern that was left out."""

    number: int
    reason: str


def sort_patterns(
    patterns: PatternSet, merged: Merged, intensity: Float[Tensor, "z y half_x"], grid: Grid
) -> tuple[PatternSet, tuple[LeftOut, ...]]:
    """Keep the patterns that fit, and say why each other does not.

    Parameters
    ----------
    merged : Merge of the patterns, which tells their brightness.
    intensity : What they should be slices of, as from `posterior_intensity`.
    """
    scales = relative_scales(patterns, merged)
    misfits = pattern_misfits(patterns, intensity, grid)
    middle = misfits.median()
    spread = MAD_TO_SIGMA * (misfits - middle).abs().median().clamp(min=1e-6)
    usual = scales.median().clamp(min=1e-30)
    kept, out = [], []
    for place, number in enumerate(patterns.kept):
        brightness = float(scales[place] / usual)
        deviations = float((misfits[place] - middle) / spread)
        if brightness < EMPTY:
            out.append(LeftOut(number, f"empty: {brightness:.2f} of the usual brightness"))
        elif brightness > CROWDED:
            reason = f"more than one molecule, or ice: {brightness:.1f} times as bright as usual"
            out.append(LeftOut(number, reason))
        elif deviations > WORST_DEVIATIONS:
            reason = f"fits no slice: {deviations:.0f} deviations worse than usual"
            out.append(LeftOut(number, reason))
        else:
            kept.append(number)
    return patterns.only(kept), tuple(out)


def pattern_misfits(
    patterns: PatternSet, intensity: Float[Tensor, "z y half_x"], grid: Grid
) -> Float[Tensor, " view"]:
    """Misfit of each used pattern with its slice."""
    slices, found = Slices(intensity, grid), []
    for batch in patterns.batches():
        seen = slices.at(patterns.pixels.points, batch.rotations)
        seen = seen + background_of(batch).to(seen.device)
        found += [
            misfit(values, own)
            for values, own in zip(batch.values.to(intensity.device), seen, strict=True)
        ]
    return torch.tensor(found, dtype=torch.float64)
