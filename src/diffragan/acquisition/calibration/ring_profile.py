"""Profiles of frames added up, ring by ring."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.rings import Map, ring_means

Groups = NDArray[np.int64]

SEARCH = 0.12
"""How far a given angle per pixel may be wrong to be mended, as a share of it."""


@dataclass(frozen=True, slots=True)
class FoundScale:
    """The angle between pixels by one kind of ring."""

    scale: float
    """[mrad per pixel]."""
    error: float
    """Standard error by the scatter of rings and of parts of the scan [mrad per pixel]."""
    rings: int
    """How many were seen."""


def used_groups(aligned: AlignedSums) -> Groups:
    """Return the groups that hold any frame."""
    return np.flatnonzero(aligned.sums.any((1, 2)))


def jackknife_variance(parts: list[float]) -> float:
    """Variance of an estimate, from those made with each part left out in turn.

    Source: Efron and Stein, Ann. Stat. 9 (1981) 586.
    """
    n = len(parts)
    return (n - 1) / n * float(((np.array(parts) - np.mean(parts)) ** 2).sum())


def ring_profile(aligned: AlignedSums, radius: Map, groups: Groups, unevenness: bool) -> Map:
    """Mean of each ring over some groups, or its unevenness: the root of variance over mean."""
    frames = aligned.frames[groups].sum(0)
    mean = aligned.sums[groups].sum(0) / np.maximum(frames, 1)
    weights = np.where(frames > 0.5 * frames.max(), frames, 0)
    if not unevenness:
        return ring_means(mean, radius, weights)
    square = aligned.square_sums[groups].sum(0) / np.maximum(frames, 1)
    excess = ring_means(square - mean**2, radius, weights)
    return np.sqrt(excess.clip(min=0) / np.maximum(ring_means(mean, radius, weights), 1e-9))


def last_full_ring(aligned: AlignedSums) -> int:
    """Radius of the largest circle in the frame about the centre [pixels]."""
    height, width = aligned.frames.shape[1:]
    y, x = aligned.centre
    return int(max(min(y, height - 1 - y), min(x, width - 1 - x)))
