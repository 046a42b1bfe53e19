"""How certain a mean over views is: seeded bootstrap intervals."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from diffragan.evaluation.metrics import MeasuredLimit, resolution
from diffragan.typing import Float, Tensor

RESAMPLES = 1000
LEVEL = 0.95
CHUNK = 256
"""Resamples drawn at once, so that a thousand views need a few megabytes."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the interval that holds it with a probability of `level`."""

    value: Float[Tensor, "*shape"]
    low: Float[Tensor, "*shape"] | None
    """`None` for a single view, which says nothing of how views differ."""
    high: Float[Tensor, "*shape"] | None
    level: float = LEVEL


def mean_interval(
    values: Float[Tensor, "view *shape"],
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Mean over the views and its percentile interval: views are drawn anew with replacement.

    The same seed gives the same interval. It covers how views differ, not how molecules do.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), sec. 13.3.
    """
    mean = values.double().mean(0)
    if len(values) == 1:
        return Interval(mean, None, None, level)
    means = torch.cat(list(resampled_means(values, seed, resamples)))
    low, high = torch.quantile(means, torch.tensor(_tails(level), dtype=means.dtype), dim=0)
    return Interval(mean, low, high, level)


def resolution_interval(
    curves: Float[Tensor, "view ring"],
    limit: MeasuredLimit,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Interval of the resolution [Å] of the mean curve, finest first; `None` for a single view.

    Each resampled mean curve is read as the mean curve itself is, bounds included: an interval that
    begins at the end of the data may go further.
    """

    def read(curve: Tensor) -> float:
        return resolution(curve, limit).angstrom

    return statistic_interval(curves, read, seed, resamples, level)


def statistic_interval(
    values: Float[Tensor, "view *shape"],
    statistic: Callable[[Tensor], float],
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> tuple[float, float] | None:
    """Percentile interval of any number read from the mean over views; `None` for one view."""
    if len(values) == 1:
        return None
    found = [
        statistic(mean) for chunk in resampled_means(values, seed, resamples) for mean in chunk
    ]
    low, high = np.quantile(found, _tails(level))
    return float(low), float(high)


def resampled_means(
    values: Float[Tensor, "view *shape"], seed: int, resamples: int
) -> Iterator[Float[Tensor, "resample *shape"]]:
    """Draw the views with replacement, over and over, and give the mean of each draw."""
    views = len(values)
    flat = values.double().cpu().reshape(views, -1)
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, CHUNK):
        rows = min(CHUNK, resamples - start)
        # How often each view is drawn is all that a mean needs to know.
        counts = generator.multinomial(views, np.full(views, 1 / views), size=rows)
        weights = torch.from_numpy(counts).double() / views
        yield (weights @ flat).reshape(rows, *values.shape[1:])


def _tails(level: float) -> list[float]:
    return [(1 - level) / 2, (1 + level) / 2]
