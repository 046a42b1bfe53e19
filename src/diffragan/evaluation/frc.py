"""FRC curves of many views with the kind of rings they were taken in, and their mean."""

from dataclasses import dataclass

from diffragan.evaluation.bootstrap import Interval, mean_interval
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.fourier import fourier
from diffragan.rings import (
    RingKind,
    ring_correlation,
    ring_distance,
    ring_index,
    smooth_ring_correlation,
)
from diffragan.typing import Float, Tensor


@dataclass(frozen=True, slots=True)
class FrcCurves:
    """Correlation of each view with the truth, ring by ring."""

    frequency_per_angstrom: Float[Tensor, " ring"]
    """Frequency of rings 1, 2, ... [1/Å]."""
    correlation: Float[Tensor, "view ring"]
    rings: RingKind
    """Whether the rings are hard or smooth: the curves differ, most where they fall steeply."""

    def mean(self, seed: int = 0) -> Interval:
        """Return the mean over the views with its bootstrap interval."""
        return mean_interval(self.correlation, seed)


def frc_curves(
    recovered: Float[Tensor, "view y x"] | Tensor,
    true: Float[Tensor, "view y x"] | Tensor,
    limit: MeasuredLimit,
    rings: RingKind = "hard",
) -> FrcCurves:
    """Correlate recovered images or waves `(view, y, x)` with the true ones, ring by ring.

    Ring 0, the mean, is left out: nothing in the data fixes it.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 1.
    """
    # The mean is far larger than all other coefficients, and float32 would round these to it.
    first, second = (fourier(v - v.mean((-2, -1), keepdim=True)) for v in (recovered, true))
    shape, count = tuple(first.shape[-2:]), limit.rings
    if rings == "hard":
        curves = ring_correlation(first, second, ring_index(shape, first.device), count)
    else:
        distance = ring_distance(shape, first.device)
        curves = smooth_ring_correlation(first, second, distance, count)
    return FrcCurves(limit.frequency_per_angstrom, curves[..., 1:].double().cpu(), rings)
