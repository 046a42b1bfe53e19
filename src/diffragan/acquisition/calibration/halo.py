"""The angle between pixels from the wide halos of vitreous ice."""

from math import sqrt

import numpy as np

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.ring_profile import (
    SEARCH,
    FoundScale,
    Groups,
    jackknife_variance,
    last_full_ring,
    ring_profile,
    used_groups,
)
from diffragan.acquisition.calibration.ring_spacings import KnownRings
from diffragan.acquisition.calibration.rings import Map

STEP = 0.002
HALO_WIDTH = 0.09
"""Standard deviation of a halo, as a share of its radius."""
LEAST_HEIGHT = 0.05
"""Height of the first halo over the background, as a share of it, below which it is not one."""


def scale_by_halo(
    aligned: AlignedSums, radius: Map, angles: Map, known: KnownRings, nominal: float, inner: float
) -> FoundScale | None:
    """Find the scale at which halos on a smooth background explain the mean profile best.

    Parameters
    ----------
    aligned : Frames added up about their centres.
    radius : `(q_y, q_x)`, distance from the centre with the ellipse undone [pixels].
    angles : Of the halos [mrad].
    nominal : Where to look [mrad per pixel].
    inner : Radius that hides or drowns rings [pixels].

    Returns
    -------
    Nothing where no halo is seen.
    """
    groups, end = used_groups(aligned), last_full_ring(aligned)

    def fitted(chosen: Groups) -> float | None:
        profile = ring_profile(aligned, radius, chosen, False)
        return _fit_halo(profile, angles, known, nominal, inner, end)

    found = fitted(groups)
    parts = [fitted(groups[groups != group]) for group in groups]
    seen = [part for part in parts if part is not None]
    if found is None or not seen:
        return None
    return FoundScale(found, sqrt(jackknife_variance(seen)), 1)


def _fit_halo(
    profile: Map, angles: Map, known: KnownRings, nominal: float, inner: float, end: int
) -> float | None:
    """Scale at which halos on a smooth background explain the logarithm of the profile best."""
    rings = np.arange(len(profile), dtype=float)
    low, high = 0.62 * angles[0] / nominal, 1.45 * angles[0] / nominal
    use = (rings > max(inner, low)) & (rings < min(end, high)) & (np.nan_to_num(profile) > 0)
    if use.sum() < 12 or min(end, high) < 1.2 * angles[0] / nominal:
        return None
    r, values = rings[use], np.log(profile[use])
    t = np.log(r / r.mean())
    weight = np.sqrt(r)
    scales = nominal * np.exp(np.arange(-SEARCH, SEARCH, STEP))
    cost, height = np.empty(len(scales)), np.empty(len(scales))
    for i, scale in enumerate(scales):
        places = angles / scale
        bumps = [
            strength * np.exp(-((r - place) ** 2) / (2 * (HALO_WIDTH * place) ** 2))
            for place, strength in zip(places, known.strengths, strict=True)
        ]
        design = np.stack([np.ones_like(t), t, t**2, sum(bumps)], 1)
        found, *_ = np.linalg.lstsq(design * weight[:, None], values * weight, rcond=None)
        cost[i] = (((values - design @ found) * weight) ** 2).sum()
        height[i] = found[3]
    best = int(np.where(height > 0, cost, np.inf).argmin())
    if height[best] < LEAST_HEIGHT or best in (0, len(scales) - 1):
        return None
    before, least, after = cost[best - 1], cost[best], cost[best + 1]
    offset = 0.5 * (before - after) / max(before - 2 * least + after, 1e-30)
    return float(scales[best] * np.exp(STEP * offset))
