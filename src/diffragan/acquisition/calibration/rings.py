"""Rings about the centre of a map that is looked at once, as the mean of all frames."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffragan.robust import MAD_TO_SIGMA

Map = NDArray[np.float64]


def radius_map(shape: tuple[int, int], centre: tuple[float, float]) -> Map:
    """Distance of each pixel from a centre (row, column) [pixels]."""
    y = np.arange(shape[0])[:, None] - centre[0]
    x = np.arange(shape[1])[None, :] - centre[1]
    return np.asarray(np.hypot(y, x))


def ring_medians(values: Map, radius: Map, use: NDArray[np.bool_]) -> tuple[Map, Map]:
    """Median of each ring, one pixel wide, and its spread: 1.4826 times the median deviation.

    Rings of which nothing is used are NaN. The factor makes the spread that of a normal
    distribution: Rousseeuw and Croux, J. Am. Stat. Assoc. 88 (1993) 1273.
    """
    ring = np.round(radius).astype(np.int64)
    medians = np.full(int(ring.max()) + 1, np.nan)
    spreads = medians.copy()
    rings, chosen = ring[use], values[use]
    order = np.argsort(rings, kind="stable")
    edges = np.searchsorted(rings[order], np.arange(len(medians) + 1))
    for number, (start, stop) in enumerate(pairwise(edges)):
        if stop > start:
            part = chosen[order[start:stop]]
            medians[number] = np.median(part)
            spreads[number] = MAD_TO_SIGMA * np.median(np.abs(part - medians[number]))
    return medians, spreads


def ring_means(values: Map, radius: Map, weights: Map) -> Map:
    """Weighted mean of each ring; a pixel is shared between the two nearest rings.

    Rings without weight are NaN.
    """
    inner = np.floor(radius).astype(np.int64)
    share = radius - inner
    size = int(inner.max()) + 2
    total, weight = np.zeros(size), np.zeros(size)
    for ring, part in ((inner, weights * (1 - share)), (inner + 1, weights * share)):
        total += np.bincount(ring.ravel(), (part * values).ravel(), size)
        weight += np.bincount(ring.ravel(), part.ravel(), size)
    return np.where(weight > 0, total / np.maximum(weight, np.finfo(float).tiny), np.nan)


def spread_over(profile: Map, radius: Map) -> Map:
    """Give each pixel the value of a profile at its radius, linearly between rings."""
    known = np.flatnonzero(np.isfinite(profile))
    return np.asarray(np.interp(radius, known, profile[known]))
