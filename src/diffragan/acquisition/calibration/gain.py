"""What one electron adds to a pixel, from how counts vary."""

from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from scipy.optimize import nnls

from diffragan.acquisition.calibration.shadows import Flags
from diffragan.acquisition.calibration.statistics import TILE, Maps, PixelStatistics
from diffragan.robust import MAD_TO_SIGMA

LEAST_PLACES = 24
"""Pixels or tiles below which no line is drawn through their variances."""
LEVELS = 40
"""Levels of brightness that they are gathered in."""
FEWEST_LEVELS = 10
FEWEST_PAIRS = 4
FEW_COUNTS = 1e-3
"""Share of the highest level's mean from which on the lowest begins."""
LEVEL_ERROR = 0.01
"""Relative error of a level's variance by chance, about."""
LARGEST_ERROR = 0.3
"""Relative error from which on nothing is said."""
CHANGE_DIFFERS = 0.3
"""By what share the change of the pattern differs from place to place, about."""


@dataclass(frozen=True, slots=True)
class Gain:
    """Counts of one electron."""

    counts_per_electron: float
    error: float
    """Standard error."""


def gain_from_variance(
    statistics: PixelStatistics, offset_counts: float, usable: Flags, *, tiled: bool
) -> Gain | None:
    """Draw a line through variance against mean.

    Electrons arrive at random, so the variance of a sum is its mean times the counts of an
    electron. Two things add to it: read noise, the same everywhere, and changes of the pattern
    itself (speckle), which grow with the square of the mean; neighbours in the scan are compared,
    which are about as thick. So

        variance = read + gain * mean + change * mean^2

    is fitted to pixels or tiles, each weighted by the error of its variance and by how much of it
    is change, which is not the same everywhere. Fitted three times over, so that what lies off
    the curve loses its weight.

    Parameters
    ----------
    statistics : Sums of the frames.
    offset_counts : What a pixel holds without electrons.
    usable : `(q_y, q_x)`, pixels to be trusted.
    tiled : Whether to look at squares of `TILE` pixels, for detectors that spread an electron over
        several; where electrons are counted, pixels by themselves show less speckle.

    Returns
    -------
    Nothing where too few places of different brightness are left.

    Source: Janesick, Photon Transfer (SPIE Press, 2007), ch. 5 (the photon transfer curve).
    """
    if statistics.pairs.min() < FEWEST_PAIRS:
        return None
    n, pairs = statistics.frames[:, None, None], statistics.pairs[:, None, None]
    if tiled:
        rows, columns = statistics.tile_sums.shape[1:]
        cut = usable[: rows * TILE, : columns * TILE]
        chosen = cut.reshape(rows, TILE, columns, TILE).all((1, 3))
        mean = statistics.tile_sums / n - offset_counts * TILE**2
        spread = statistics.tile_pair_squares / pairs
    else:
        chosen, mean = usable, statistics.sums / n - offset_counts
        spread = statistics.pair_squares / pairs
    chosen = chosen & (mean.mean(0) > 0)
    if chosen.sum() < LEAST_PLACES:
        return None
    x, y = _gathered(mean[:, chosen], spread[:, chosen])
    if len(x) < FEWEST_LEVELS or np.ptp(x) <= 0:
        return None
    whole = _fit(x, y)
    half = len(x) // 2
    parts = [_fit(x[a:b], y[a:b]) for a, b in ((0, half), (half, len(x)))]
    if whole is None or None in parts:
        return None
    gains = [fit[0] for fit in (whole, *parts) if fit is not None]
    # Speckle differs from place to place: where dark and bright places disagree, it is in the way.
    error = hypot(whole[1], float(np.std(gains)))
    return Gain(gains[0], error) if error < LARGEST_ERROR * gains[0] else None


def _fit(mean: Maps, spread: Maps) -> tuple[float, float] | None:
    """Gain of a quadratic curve through levels, and its error by what is left."""
    # Variances differ a thousandfold: columns are scaled to keep the fit well conditioned.
    scale = float(mean.max())
    design = np.stack([np.ones_like(mean), mean / scale, (mean / scale) ** 2], 1)
    weight = 1 / spread
    for _ in range(3):
        found, covariance = _solve(design, spread, weight)
        fitted = design @ found
        change = CHANGE_DIFFERS * design[:, 2] * found[2] / fitted
        residual = (spread - fitted) * weight
        width = MAD_TO_SIGMA * np.median(np.abs(residual)) + 1e-12
        off = np.clip(np.abs(residual) / (3 * width), 1, None)
        weight = 1 / (fitted * np.sqrt((LEVEL_ERROR**2 + change**2) * off))
    gain, error = float(found[1]) / scale, sqrt(float(covariance[1, 1])) / scale
    return (gain, error) if gain > 0 and np.isfinite(error) else None


def _gathered(mean: Maps, spread: Maps) -> tuple[Maps, Maps]:
    """Means and variances of places of like brightness: the median over groups of frames."""
    level = mean.mean(0)
    edges = np.quantile(level, np.linspace(0, 0.98, LEVELS + 1))
    edges[0] = max(edges[0], FEW_COUNTS * edges[-1])
    which = np.searchsorted(edges, level, side="right") - 1
    inside = (which >= 0) & (which < LEVELS)
    members = np.bincount(which[inside], minlength=LEVELS)
    gathered = [
        np.median([np.bincount(which[inside], group[inside], LEVELS) for group in values], 0)[
            members > 0
        ]
        / members[members > 0]
        for values in (mean, spread)
    ]
    positive = (gathered[0] > 0) & (gathered[1] > 0)
    return gathered[0][positive], gathered[1][positive]


def _solve(
    design: np.ndarray, values: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares without negative terms, and the covariance by its residuals."""
    # Neither read noise nor change of the pattern can be negative.
    found, _ = nnls(design * weight[:, None], values * weight)
    active = np.flatnonzero(found > 0)
    weighted = design[:, active] * weight[:, None]
    residual = (values - design @ found) * weight
    covariance = np.full((design.shape[1], design.shape[1]), np.inf)
    covariance[np.ix_(active, active)] = (
        np.linalg.pinv(weighted.T @ weighted) * (residual @ residual) / (len(values) - len(active))
    )
    return found, covariance
