"""How sure a resolution is: it is read again from the mean curve of resampled views."""

from collections.abc import Callable

import numpy as np

from diffragan.evaluation.metrics import MeasuredLimit, resolution
from diffragan.evaluation.resampling import CONFIDENCE, resampled_means
from diffragan.typing import Float, Tensor


def resolution_interval(
    curves: Float[Tensor, "view ring"], limit: MeasuredLimit
) -> tuple[float, float] | None:
    """Interval of the resolution of the mean curve [Å], finest first; `None` for a single view.

    Each resampled mean curve is read as the mean curve itself is, bounds included: an interval that
    begins at the end of the data may go further, and one that ends at the first ring too.
    """
    return interval_of(curves, lambda curve: resolution(curve, limit).angstrom)


def interval_of(
    values: Float[Tensor, "view column"], read: Callable[[Tensor], float]
) -> tuple[float, float] | None:
    """Percentile interval of a number read from the mean over views; `None` for a single view.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), sec. 13.3.
    """
    if len(values) < 2:
        return None
    found = [read(mean) for mean in resampled_means(values)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)
