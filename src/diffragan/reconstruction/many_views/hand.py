"""The hand of a molecule by the curvature of the Ewald sphere.

Images, and patterns near their middle, are projections and fit a molecule and its mirror image
alike. A pattern is curved, though: a pixel lies lambda q^2 / 2 off the plane through zero. At the
mirrored orientations it lies as far on the other side of that plane, so patterns merged with the
wrong hand contradict each other. At 200 kV and 2 Å its two places are lambda q^2 = 0.0063 1/Å
apart, and the intensity of a molecule 40 Å across changes over 0.025 1/Å. So each pattern is
foretold by the merge of others, at the orientations of either hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.folds import merges_of_others
from diffragan.reconstruction.many_views.likelihood import (
    background_of,
    log_likelihood,
    posterior_intensity,
)
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.slices import Slices
from diffragan.reconstruction.validation.hand import mirrored_rotations
from diffragan.typing import Float, Tensor

DECIDED = 3.0
"""Standard errors that a difference between the hands must have to be believed."""
SHARED = 2
"""Standard error of the mean gain over that of as many independent gains. Each pattern speaks as
often in the merges of others as for itself: the mean is a U-statistic of pairs, whose variance is 4
over n times that of what one pattern says.

Source: Hoeffding, Ann. Math. Statist. 19 (1948) 293, section 5."""


@dataclass(frozen=True, slots=True)
class HandsCompared:
    """How much better patterns fit the merge of others with one hand than with the other."""

    gain: float
    """Mean log-likelihood of a pattern with its own hand over that with the other; of exact
    patterns for each electron that was scattered."""
    standard_error: float
    patterns: int
    counted: bool

    @property
    def deviations(self) -> float:
        """Standard errors of the gain; negative if the other hand fits better."""
        return self.gain / max(self.standard_error, 1e-30)

    @property
    def decided(self) -> bool:
        """Whether the difference is believed."""
        return abs(self.deviations) >= DECIDED

    @property
    def mirrored(self) -> bool:
        """Whether the other hand is the right one."""
        return self.decided and self.gain < 0

    @property
    def per(self) -> str:
        """What the gain is of."""
        return "pattern" if self.counted else "electron"

    @property
    def words(self) -> str:
        """What the patterns say, of the hand that is taken."""
        gain = abs(self.gain) if self.decided else self.gain
        figures = (
            f"log-likelihood per {self.per} {gain:.3g} above the other hand's, standard error "
        )
        figures += f"{self.standard_error:.2g}"
        if not self.decided:
            return f"undecided: patterns fit either hand alike ({figures})"
        mirrored = "; the poses found from images were mirrored" if self.mirrored else ""
        return f"right, as the curvature of the Ewald sphere tells ({figures}{mirrored})"

    def record(self) -> Mapping[str, Any]:
        """Return what is told of the poses found from images."""
        return {
            "decided": self.decided,
            "mirrored": self.mirrored,
            "log_likelihood_gain": self.gain,
            "standard_error": self.standard_error,
            "per": self.per,
            "patterns": self.patterns,
        }


def compare_hands(
    own: PatternSet,
    other: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    device: torch.device | str = "cpu",
) -> HandsCompared:
    """Judge two hands by the patterns themselves, without phases.

    Parameters
    ----------
    own : Patterns at the orientations of one hand.
    other : The same patterns at those of the other hand, as from `with_other_hand`.

    Raises
    ------
    InputError : There are fewer patterns than folds.
    """
    first, second = (
        held_out_scores(patterns, grid, limit_per_angstrom, device) for patterns in (own, other)
    )
    gains = first - second
    error = SHARED * gains.std() / len(gains) ** 0.5
    return HandsCompared(float(gains.mean()), float(error), len(gains), own.counted)


def with_other_hand(patterns: PatternSet) -> PatternSet:
    """Return patterns at the orientations that fit the mirror image."""
    return replace(patterns, rotations=mirrored_rotations(patterns.rotations))


def held_out_scores(
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    device: torch.device | str = "cpu",
) -> Float[Tensor, " view"]:
    """Log-likelihood of each pattern in use on a merge that it is not part of, up to a constant.

    Given in the order of folds. Exact patterns count as one electron each.
    """
    scores = []
    for part, others in merges_of_others(patterns, grid, limit_per_angstrom, device=device):
        slices = Slices(posterior_intensity(others), grid)
        for batch in part.batches():
            seen = slices.at(patterns.pixels.points, batch.rotations)
            seen = seen + background_of(batch).to(seen)
            for values, own in zip(batch.values.to(seen), seen, strict=True):
                score = log_likelihood(values, own[None])[0]
                scores.append(score if patterns.counted else score / values.double().sum())
    return torch.stack(scores).cpu()
