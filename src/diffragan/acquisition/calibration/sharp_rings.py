"""The angle between pixels from the sharp rings of crystals."""

from math import sqrt

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.ring_profile import (
    SEARCH,
    FoundScale,
    jackknife_variance,
    last_full_ring,
    ring_profile,
    used_groups,
)
from diffragan.acquisition.calibration.ring_spacings import KnownRings
from diffragan.acquisition.calibration.rings import Map
from diffragan.robust import MAD_TO_SIGMA

SEARCH_WIDE = (0.5, 2.0)
"""Over which multiples of itself the match is judged: by chance it is as good anywhere."""
STEP = 0.0005
LEAST_SCORE = 4.0
"""How many typical deviations of the profile the rings must stand out together, at least."""
STANDS_OUT = 3.0
"""How many typical deviations the best match must lie above matches at other scales."""
LEAST_PEAK = 2.5
"""How many typical deviations a ring must stand out to give its place."""
FEWEST_RINGS = 2
FEWEST_PARTS = 4
PIXEL_ERROR = 0.05
"""What a ring's place is uncertain by at least: rings are one pixel wide [pixels]."""


def scale_by_rings(
    aligned: AlignedSums,
    radius: Map,
    angles: Map,
    known: KnownRings,
    nominal: float,
    inner: float,
    *,
    unevenness: bool,
) -> FoundScale | None:
    """Find the scale at which peaks of the profile lie where the crystal's rings do.

    The place is found by the sum over all rings, and must stand out among all scales; then each
    ring that is seen gives its own by its centroid.

    Parameters
    ----------
    aligned : Frames added up about their centres.
    radius : `(q_y, q_x)`, distance from the centre with the ellipse undone [pixels].
    angles : Of the rings [mrad].
    nominal : Where to look [mrad per pixel].
    inner : Radius that hides or drowns rings [pixels].
    unevenness : Whether to look at the unevenness of rings in place of their mean.
    """
    groups, end = used_groups(aligned), last_full_ring(aligned)
    peaks = _peaks(ring_profile(aligned, radius, groups, unevenness), inner)
    scales = nominal * np.exp(np.arange(np.log(SEARCH_WIDE[0]), np.log(SEARCH_WIDE[1]), STEP))
    scores = _scores(peaks, angles, np.array(known.strengths), scales, inner, end)
    near = np.abs(scales / nominal - 1) <= SEARCH
    best = int(np.where(near, scores, -np.inf).argmax())
    middle = float(np.median(scores))
    spread = MAD_TO_SIGMA * float(np.median(np.abs(scores - middle))) + 1e-9
    if scores[best] < max(middle + STANDS_OUT * spread, LEAST_SCORE):
        return None
    result = _refine(peaks, angles, scales[best], inner, end)
    if result is None:
        return None
    scale, count, between = result
    # Each part of the scan left out in turn: few grains make few spots, which differ.
    parts = []
    for group in groups:
        rest = groups[groups != group]
        left = _peaks(ring_profile(aligned, radius, rest, unevenness), inner)
        again = _refine(left, angles, scale, inner, end)
        if again is not None:
            parts.append(again[0])
    if len(parts) < FEWEST_PARTS:
        return None
    floor = PIXEL_ERROR * scale**2 / float(angles[0])
    error = sqrt(max(jackknife_variance(parts), between**2) + floor**2)
    return FoundScale(scale, error, count)


def _peaks(profile: Map, inner: float) -> Map:
    """Height over the smooth background, in typical deviations; zero where nothing is known."""
    known = np.isfinite(profile) & (profile > 0) & (np.arange(len(profile)) >= inner)
    if known.sum() < 16:
        return np.zeros(len(profile))
    rings = np.flatnonzero(known)
    # Even in the logarithm of the radius, a ring is as wide as another, and so is the background.
    fine = np.geomspace(rings[0], rings[-1], 8 * len(rings))
    values = np.interp(fine, rings, np.log(profile[known]))
    window = int(0.16 / np.log(fine[1] / fine[0])) | 1
    rest = values - gaussian_filter1d(median_filter(values, window), window / 4)
    height = np.interp(np.arange(len(profile)), fine, rest)
    height[~known] = 0
    spread = MAD_TO_SIGMA * np.median(np.abs(height[known] - np.median(height[known]))) + 1e-9
    return np.asarray(height / spread)


def _scores(peaks: Map, angles: Map, strengths: Map, scales: Map, inner: float, end: int) -> Map:
    """Mean height of the profile where rings should be, for each scale."""
    smooth = gaussian_filter1d(np.clip(peaks, -5, 20), 0.8)
    places = angles[None, :] / scales[:, None]
    inside = (places >= inner + 1) & (places <= end - 1)
    weights = strengths * inside
    heights = np.interp(places.ravel(), np.arange(len(smooth)), smooth).reshape(places.shape)
    total = weights.sum(1)
    return np.where(
        total > 0, (weights * heights).sum(1) / np.maximum(np.sqrt((weights**2).sum(1)), 1e-9), 0
    )


def _refine(
    peaks: Map, angles: Map, scale: float, inner: float, end: int
) -> tuple[float, int, float] | None:
    """Return the scale by centroids of the rings seen, how many, and its error by their scatter."""
    gaps = np.abs(np.subtract.outer(angles, angles)) + np.where(np.eye(len(angles)), np.inf, 0)
    for _ in range(3):
        estimates: list[float] = []
        weights: list[float] = []
        for angle, gap in zip(angles, gaps.min(1), strict=True):
            place = angle / scale
            half = max(1.5, min(0.45 * gap / scale, max(2.5, 0.015 * place)))
            if place - half < inner or place + half > end:
                continue
            rings = np.arange(int(np.ceil(place - half)), int(place + half) + 1)
            height = (peaks[rings] - min(peaks[rings[0]], peaks[rings[-1]])).clip(min=0)
            if peaks[rings].max() < LEAST_PEAK or height.sum() <= 0:
                continue
            centre = float((height * rings).sum() / height.sum())
            estimates.append(angle / centre)
            weights.append(place**2 * min(float(peaks[rings].max()), 20.0))
        if len(estimates) < FEWEST_RINGS:
            return None
        scale = float(np.average(estimates, weights=weights))
    share = np.array(weights) / np.sum(weights)
    spread = float((share**2 * (np.array(estimates) - scale) ** 2).sum())
    return scale, len(estimates), sqrt(spread * len(share) / (len(share) - 1))
