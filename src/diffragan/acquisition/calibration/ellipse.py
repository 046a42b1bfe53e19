"""How far the rings of a pattern are from round."""

from dataclasses import dataclass
from math import atan2, cos, degrees, exp, hypot, isfinite, log, radians, sin, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.rings import Map, ring_means, spread_over
from diffragan.robust import MAD_TO_SIGMA

SPECKLE_VARIANCE = 0.02**2
"""Relative variance of the mean pattern beyond Poisson's: no pixel counts as known better."""
LARGEST_DEVIATION = 5.0
"""Relative deviations from the ring are pulled in beyond so many typical ones: Bragg spots."""
STEPS = 8
SMOOTHING_RINGS = 0.7
NOISE_HARMONICS = (4, 6, 8)
"""What rings are weighed by: even ones, as a pattern and its Friedel mate have, and not the second,
which is the stretch's own."""
NOISE_RINGS = 12
"""Neighbouring rings over which their power is averaged."""


@dataclass(frozen=True, slots=True)
class Ellipse:
    """The shape of what should be a circle."""

    ratio: float
    """Longest over shortest diameter, at least 1."""
    angle_deg: float
    """Direction of the longest diameter, from x to y, in (-90, 90] [degrees]."""
    ratio_error: float
    """Standard error of the ratio, by the scatter of parts of the scan; 0 where it was given."""

    @property
    def stretch(self) -> tuple[float, float]:
        """Strength along x and along the diagonal."""
        size, angle = log(self.ratio) / 2, 2 * radians(self.angle_deg)
        return size * cos(angle), size * sin(angle)

    def matrix(self) -> Map:
        """Map offsets (y, x) from the centre to those of a round pattern of the same area."""
        return _matrix(*self.stretch)

    def words(self) -> str:
        """Say the ratio, how it is known, and the direction."""
        error = f"{self.ratio_error:.4f}" if isfinite(self.ratio_error) else "unknown"
        known = "as given" if self.ratio_error == 0 else f"± {error}"
        return f"{self.ratio:.4f} {known} at {self.angle_deg:.0f}°"

    def ratio_to(self, other: "Ellipse") -> float:
        """Ratio of diameters that is left of this one where the other is undone, at least 1."""
        (x, y), (other_x, other_y) = self.stretch, other.stretch
        return exp(2 * hypot(x - other_x, y - other_y))


def find_ellipse(aligned: AlignedSums, inner: float, outer: float) -> Ellipse:
    """Fit the one stretch that makes the mean pattern round.

    To first order a stretch adds cos(2 phi) and sin(2 phi) times the slope of the profile to each
    ring. Both, and a rest of the centre's error, are fitted together to all rings between `inner`
    and `outer` [pixels] by weighted least squares, with a free level of each ring, and the profile
    taken anew about the found ellipse until nothing changes. A ring's weight is that of its counts
    over what its higher harmonics hold beyond it: the mean of few molecules is not round by itself,
    and least so where they scatter most. The error is that of parts of the scan fitted one by one.

    Source: the linearised form of Capitani et al., Ultramicroscopy 106 (2006) 66.
    """
    whole = _fit(aligned.total, aligned.frames.sum(0), aligned.centre, inner, outer)
    parts = [
        _fit(sums, frames, aligned.centre, inner, outer)
        for sums, frames in zip(aligned.sums, aligned.frames, strict=True)
        if sums.any()
    ]
    stretch = hypot(*whole)
    error = float("inf")
    if len(parts) > 1:
        scatter = np.var(np.array(parts), axis=0, ddof=1).mean() / len(parts)
        error = 2 * exp(2 * stretch) * sqrt(float(scatter))
    angle = degrees(atan2(whole[1], whole[0])) / 2
    return Ellipse(exp(2 * stretch), angle, error)


def round_radius(shape: tuple[int, int], centre: Map, matrix: Map) -> Map:
    """Distance of each pixel from the centre after the ellipse is undone [pixels]."""
    y = np.arange(shape[0])[:, None] - centre[0]
    x = np.arange(shape[1])[None, :] - centre[1]
    return np.asarray(
        np.hypot(matrix[0, 0] * y + matrix[0, 1] * x, matrix[1, 0] * y + matrix[1, 1] * x)
    )


def _matrix(cosine: float, sine: float) -> Map:
    """Inverse of the stretch exp([[c, s], [s, -c]]) in (x, y), with rows and columns as (y, x)."""
    size = hypot(cosine, sine)
    share = np.sinh(size) / size if size > 0 else 1.0
    return np.array(
        [
            [np.cosh(size) + share * cosine, -share * sine],
            [-share * sine, np.cosh(size) - share * cosine],
        ]
    )


def _fit(sums: Map, frames: Map, centre: Map, inner: float, outer: float) -> tuple[float, float]:
    """Strength of the stretch along x and along the diagonal."""
    measured = frames > 0.5 * frames.max()
    mean = sums / np.maximum(frames, 1)
    stretch = np.zeros(2)
    middle = centre.copy()
    y, x = (np.arange(n, dtype=float) for n in sums.shape)
    for _ in range(STEPS):
        radius = round_radius(mean.shape, middle, _matrix(stretch[0], stretch[1]))
        use = measured & (radius >= inner) & (radius <= outer)
        profile = ring_means(mean, radius, frames * measured)
        rings = np.arange(len(profile))
        # Sharp rings need their own slope: taken over wider steps it would be too small, and the
        # stretch too large.
        known = np.isfinite(profile) & (profile > 0)
        logarithm = np.interp(rings, rings[known], np.log(profile[known]))
        slope = np.gradient(gaussian_filter1d(logarithm, SMOOTHING_RINGS))
        model = spread_over(profile, radius)
        use &= model > 0
        r, m = radius[use], model[use]
        deviation = mean[use] / m - 1
        typical = MAD_TO_SIGMA * np.median(np.abs(deviation)) + 1e-9
        deviation = np.clip(deviation, -LARGEST_DEVIATION * typical, LARGEST_DEVIATION * typical)
        weight = 1 / (1 / np.maximum(m * frames[use], 1e-9) + SPECKLE_VARIANCE)
        dy = np.broadcast_to((y - middle[0])[:, None], mean.shape)[use]
        dx = np.broadcast_to((x - middle[1])[None, :], mean.shape)[use]
        angle = np.arctan2(dy, dx)
        steep = np.interp(r, rings, slope)
        design = -steep * np.stack([r * np.cos(2 * angle), r * np.sin(2 * angle), dy / r, dx / r])
        ring = np.round(r).astype(int)
        columns = [_off_its_ring(column, weight, ring) for column in (*design, deviation)]
        weight /= _noise(columns[4], weight, angle, ring)[ring]
        A = np.stack(columns[:4], 1)
        found = np.linalg.pinv((A * weight[:, None]).T @ A) @ (A.T @ (weight * columns[4]))
        stretch += found[:2].clip(-0.01, 0.01)
        middle += found[2:].clip(-1, 1)
        if np.abs(found[:2]).max() < 1e-5:
            break
    return float(stretch[0]), float(stretch[1])


def _off_its_ring(values: Map, weight: Map, ring: NDArray[np.int64]) -> Map:
    """Take the weighted mean of its ring off each value."""
    level = np.maximum(np.bincount(ring, weight), 1e-30)
    return np.asarray(values - (np.bincount(ring, weight * values) / level)[ring])


def _noise(deviation: Map, weight: Map, angle: Map, ring: NDArray[np.int64]) -> Map:
    """Power of harmonics in each ring, over that of pixels which scatter as their weights say.

    Speckle is alike over several pixels, so it counts for more than its variance in one of them.
    """
    waves = [wave(n * angle) for n in NOISE_HARMONICS for wave in (np.cos, np.sin)]
    power = np.zeros(int(ring.max()) + 1)
    for wave in waves:
        column = _off_its_ring(wave, weight, ring)
        norm = np.maximum(np.bincount(ring, weight * column**2), 1e-30)
        power += np.bincount(ring, weight * column * deviation) ** 2 / norm / len(waves)
    seen = np.bincount(ring) > 0
    total, count = (
        uniform_filter1d(values.astype(float), NOISE_RINGS, mode="constant")
        for values in (power, seen)
    )
    return np.asarray(np.maximum(total, 1e-9) / np.maximum(count, 1e-9))
