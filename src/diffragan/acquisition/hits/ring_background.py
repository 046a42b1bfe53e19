"""The background of a scan, learned from its own frames, most of which hit no molecule.

Ice scatters in proportion to its thickness, and a little is scattered twice. So the rate in each
ring is taken as a quadratic function of the rate at wide angles, where a molecule changes next to
nothing. It is fitted robustly: frames that lie above it at small angles are left out, as hits do.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.polar_bins import RING_EDGES_PER_ANGSTROM, RINGS
from diffragan.acquisition.hits.statistics import FrameStatistics, Rings
from diffragan.errors import InputError
from diffragan.robust import MAD_TO_SIGMA

FEWEST_FRAMES = 50
"""Below, three coefficients and a spread in each ring are not worth having."""
WIDE_FROM_PER_ANGSTROM = 1 / 8
"""A molecule's own scattering, compared with that of ice, is least beyond this [1/Å]."""
ROUNDS = 6
KEPT_SIGMAS = 3.0
FIRST_KEPT = 0.6
"""Share of the frames, those with the least at small angles, that the first fit is made of."""
LEAST_KEPT = 0.2
SATURATED_SHARE = 1e-4
"""Of the good pixels at the largest value from which a frame is saturated; it takes two at least,
as the direct beam's own may always be."""
SPECKLES = ("speckle", "broad_speckle", "fine_speckle")
SCALES = ("speckle_scale", "broad_scale", "fine_scale")


@dataclass(frozen=True, slots=True)
class RingBackground:
    """What frames without a molecule look like, with its spread."""

    wide_rate: float
    """Typical counts in a good pixel at wide angles, for each incident electron."""
    coefficients: NDArray[np.floating[Any]]
    """`(ring, 3)` of rate over `wide_rate`, as polynomial of the frame's thickness."""
    spread: NDArray[np.floating[Any]]
    """`(ring)` standard deviation of frames over that of counting."""
    speckle: NDArray[np.floating[Any]]
    """`(kind, ring)` relative variance beyond counting, for `SPECKLES`."""
    speckle_spread: NDArray[np.floating[Any]]
    """`(kind, ring)` standard deviation of frames over that of counting."""
    kept: NDArray[np.bool_]
    """`(frame)` which of the frames that it was learned from these are."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """What frames show beyond the background."""

    thickness: NDArray[np.floating[Any]]
    """`(frame)` scattering at wide angles over the scan's typical one."""
    expected: NDArray[np.floating[Any]]
    """`(frame, ring)` electrons of the background."""
    sigma: NDArray[np.floating[Any]]
    """`(frame, ring)` standard error of the difference [electrons]."""
    speckle_sigmas: NDArray[np.floating[Any]]
    """`(frame, kind, ring)` variance beyond the background's [standard errors]."""


def is_saturated(statistics: FrameStatistics) -> NDArray[np.bool_]:
    """Say which frames are saturated."""
    two = 1.5 / statistics.pixels.sum(1).clip(min=1)
    return np.asarray(statistics.saturated >= np.maximum(SATURATED_SHARE, two))


def wide_rings(pixels: Rings) -> NDArray[np.bool_]:
    """Say which rings count as wide angles on a detector with `(frame, ring)` good pixels."""
    measured = np.median(pixels, axis=0) > 0
    if not measured.any():
        raise InputError("no ring about the direct beam is measured; check the centres")
    end = RING_EDGES_PER_ANGSTROM[1:][measured].max()
    return np.asarray(
        measured & (RING_EDGES_PER_ANGSTROM[:-1] >= min(WIDE_FROM_PER_ANGSTROM, end / 2))
    )


def fit_rings(statistics: FrameStatistics, conditions: Conditions) -> RingBackground:
    """Learn the background from the frames of a scan, or from enough of them.

    Raises
    ------
    InputError : There are too few frames, or all of them are saturated or without a count.
    """
    usable = ~is_saturated(statistics) & (statistics.counts.sum(1) > 0)
    if usable.sum() < FEWEST_FRAMES:
        if len(statistics) >= FEWEST_FRAMES and not usable.any():
            raise InputError(
                "all frames are saturated or without a count: there is nothing to find hits in"
            )
        raise InputError(
            f"{int(usable.sum())} frames are too few to learn the background from; give at least "
            f"{FEWEST_FRAMES}, or the background of a longer scan"
        )
    used = statistics[usable]
    wide = wide_rings(used.pixels)
    rate, _ = _wide_rate(used, wide, conditions)
    lit = rate[rate > 0]
    reference = float(np.median(lit)) if len(lit) else 1.0
    blank = RingBackground(
        reference,
        np.zeros((RINGS, 3)),
        np.ones(RINGS),
        np.zeros((3, RINGS)),
        np.ones((3, RINGS)),
        usable,
    )
    small = ~wide & (np.median(used.pixels, axis=0) > 0)
    small[:2] = False  # the direct beam itself
    thickness = rate / reference
    excess = used.counts[:, small].sum(1) / np.maximum(used.pixels[:, small].sum(1), 1)
    share = excess / np.maximum(rate, 1e-12)
    kept = share <= np.quantile(share, FIRST_KEPT)
    found = blank
    for _ in range(ROUNDS):
        found = _fitted(used, thickness, kept, blank, conditions)
        residuals = subtract(used, found, conditions, wide)
        z = (used.counts - residuals.expected) / residuals.sigma
        low = z[:, small].sum(1) / np.sqrt(max(int(small.sum()), 1))
        score = np.abs(low - np.median(low[kept]))
        kept = score < max(KEPT_SIGMAS * _sigma(low[kept]), float(np.quantile(score, LEAST_KEPT)))
    found = _fitted(used, thickness, kept, blank, conditions)
    chosen = usable.copy()
    chosen[usable] = kept
    return replace(_with_speckle(used[kept], found, conditions), kept=chosen)


def subtract(
    statistics: FrameStatistics,
    background: RingBackground,
    conditions: Conditions,
    wide: NDArray[np.bool_] | None = None,
) -> Residuals:
    """Compare frames with the background, each at its own thickness of ice."""
    wide = wide_rings(statistics.pixels) if wide is None else wide
    rate, relative = _wide_rate(statistics, wide, conditions)
    thickness = rate / background.wide_rate
    powers = np.stack([np.ones_like(thickness), thickness, thickness**2], axis=1)
    unit = statistics.pixels * (conditions.incident_electrons * background.wide_rate)
    expected = np.maximum(powers @ background.coefficients.T, 0) * unit
    slope = background.coefficients[:, 1] + 2 * thickness[:, None] * background.coefficients[:, 2]
    # The thickness itself is known as well as the counts at wide angles tell it.
    by_thickness = slope * unit * (thickness * relative)[:, None]
    counting = np.sqrt(expected + by_thickness**2 + 1)
    speckle = np.stack(
        [
            (getattr(statistics, kind) - background.speckle[place] * getattr(statistics, scale))
            / (np.sqrt(2 * getattr(statistics, scale) + 1) * background.speckle_spread[place])
            for place, (kind, scale) in enumerate(zip(SPECKLES, SCALES, strict=True))
        ],
        axis=1,
    )
    return Residuals(thickness, expected, counting * background.spread, speckle)


def _wide_rate(
    statistics: FrameStatistics, wide: NDArray[np.bool_], conditions: Conditions
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Rate at wide angles for each incident electron, and its relative standard error."""
    counts = statistics.counts[:, wide].sum(1, dtype=np.float64)
    pixels = statistics.pixels[:, wide].sum(1, dtype=np.float64)
    rate = counts / np.maximum(pixels, 1) / conditions.incident_electrons
    return rate, 1 / np.sqrt(np.maximum(counts, 1))


def _fitted(
    statistics: FrameStatistics,
    thickness: NDArray[np.floating[Any]],
    kept: NDArray[np.bool_],
    blank: RingBackground,
    conditions: Conditions,
) -> RingBackground:
    """Fit the coefficients of every ring to the frames that are kept, and their spread."""
    own = statistics[kept]
    u = thickness[kept]
    powers = np.stack([np.ones_like(u), u, u**2], axis=1)
    unit = own.pixels * (conditions.incident_electrons * blank.wide_rate)
    coefficients = np.zeros((RINGS, 3))
    ridge = 1e-9 * np.eye(3)
    for ring in range(RINGS):
        # Poisson's variance grows with the expected counts, thus with the thickness.
        weight = unit[:, ring] / np.maximum(u, 0.05)
        matrix = (powers * weight[:, None]).T @ powers
        rates = own.counts[:, ring] / np.maximum(unit[:, ring], np.finfo(float).tiny)
        scale = max(float(np.trace(matrix)), np.finfo(float).tiny)
        coefficients[ring] = np.linalg.solve(
            matrix / scale + ridge, powers.T @ (weight * rates) / scale
        )
    found = RingBackground(
        blank.wide_rate,
        coefficients,
        blank.spread,
        blank.speckle,
        blank.speckle_spread,
        kept,
    )
    residuals = subtract(own, found, conditions)
    z = (own.counts - residuals.expected) / residuals.sigma
    spread = np.array([max(1.0, _sigma(z[:, ring])) for ring in range(RINGS)])
    return RingBackground(
        blank.wide_rate, coefficients, spread, blank.speckle, blank.speckle_spread, kept
    )


def _with_speckle(
    statistics: FrameStatistics, background: RingBackground, conditions: Conditions
) -> RingBackground:
    """Add what the variance within rings exceeds Poisson's by: ice, ellipticity, the detector."""
    level, spread = np.zeros((3, RINGS)), np.ones((3, RINGS))
    for place, (kind, scale) in enumerate(zip(SPECKLES, SCALES, strict=True)):
        scales = getattr(statistics, scale)
        total = scales.sum(0, dtype=np.float64)
        relative = getattr(statistics, kind) / np.maximum(scales, 1e-6)
        level[place] = np.where(total > 0, np.median(relative, axis=0), 0.0)
    found = RingBackground(
        background.wide_rate,
        background.coefficients,
        background.spread,
        level,
        spread,
        background.kept,
    )
    sigmas = subtract(statistics, found, conditions).speckle_sigmas
    spread = np.maximum(1.0, MAD_TO_SIGMA * np.median(np.abs(sigmas - np.median(sigmas, 0)), 0))
    return RingBackground(
        found.wide_rate, found.coefficients, found.spread, level, spread, found.kept
    )


def _sigma(values: NDArray[np.floating[Any]]) -> float:
    return float(MAD_TO_SIGMA * np.median(np.abs(values - np.median(values))))
