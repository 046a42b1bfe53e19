"""The angle between pixels from the Bragg spots of crystalline ice, frame by frame.

Small crystals beside the molecules make few spots each, and in the mean of a scan these drown in
the halo of the vitreous ice. In their own frames they stand out, and each is as wide as the beam's
transform, so that its centroid is known to a fraction of a pixel.
"""

from collections.abc import Sequence
from math import hypot, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter

from diffragan.acquisition.calibration.ring_profile import SEARCH, FoundScale, jackknife_variance
from diffragan.acquisition.calibration.ring_spacings import KnownRings
from diffragan.acquisition.calibration.rings import Map

SPOT_PIXELS = 0.8
"""Standard deviation of the filter that finds spots."""
LEAST_SIGMAS = 6.0
REACH_PIXELS = 2
"""About a spot's brightest pixel, over which its centroid is taken; others are farther away."""
FAINTEST = 0.05
"""Of the mean of a ring, whose counting noise spots are held against [electrons]."""
STEP = 0.0005
LINE_WIDTH = 0.006
"""How far about a line spots are spread, as a share of its angle, while the scale is sought."""
BELONGS = 0.015
"""Spots nearer to a line than this share of its angle are its own; lines are 6 % apart."""
STANDS_OUT = 2.0
"""How many times as many spots lie on lines at the best scale as at others."""
FEWEST_SPOTS, FEWEST_LINES, FEWEST_PARTS = 40, 3, 4
ROUNDS = 4
PARTS = 8
PLACE_ERROR = 0.03
"""What a line's place is uncertain by at least: of calibrated centres, and of pixels [pixels]."""


def spot_radii(
    electrons: NDArray[np.floating],
    centre: NDArray[np.floating],
    good: NDArray[np.bool_],
    matrix: Map,
    inner_pixels: float,
) -> NDArray[np.float64]:
    """Find the spots of one frame: their distances from the direct beam [pixels].

    Parameters
    ----------
    electrons : `(q_y, q_x)`.
    centre : Row and column of the direct beam.
    good : Pixels that are measured.
    matrix : From `Ellipse.matrix`; makes rings round.
    inner_pixels : Where spots begin to be looked for.
    """
    values = np.where(good, electrons, 0.0)
    rows, columns = np.indices(values.shape)
    away = np.stack([rows - centre[0], columns - centre[1]], -1) @ matrix.T
    radius = np.hypot(away[..., 0], away[..., 1])
    ring = np.round(radius).astype(np.int64)
    pixels = np.bincount(ring[good], minlength=ring.max() + 1)
    sums = np.bincount(ring[good], values[good], minlength=ring.max() + 1)
    expected = np.where(good, np.interp(radius, np.arange(len(sums)), sums / pixels.clip(1)), 0.0)
    above = values - expected
    # Smoothing by a Gaussian of the width s divides the variance of a pixel by 4 pi s^2.
    noise = gaussian_filter(expected.clip(min=FAINTEST), SPOT_PIXELS) / (4 * pi * SPOT_PIXELS**2)
    sigmas = gaussian_filter(above, SPOT_PIXELS) / np.sqrt(noise)
    peaks = (sigmas == maximum_filter(sigmas, 2 * REACH_PIXELS + 1)) & (sigmas > LEAST_SIGMAS)
    peaks &= radius >= inner_pixels
    edge = REACH_PIXELS + 1
    peaks[:edge] = peaks[-edge:] = peaks[:, :edge] = peaks[:, -edge:] = False
    step = np.arange(-REACH_PIXELS, REACH_PIXELS + 1)
    found = []
    for row, column in zip(*np.nonzero(peaks), strict=True):
        weight = above[np.ix_(row + step, column + step)].clip(min=0)
        total = weight.sum()
        place = np.array(
            [row + weight.sum(1) @ step / total, column + weight.sum(0) @ step / total]
        )
        found.append(float(np.linalg.norm(matrix @ (place - centre))))
    return np.array(found)


def scale_by_spots(
    radii: Sequence[NDArray[np.float64]], angles: Map, known: KnownRings, nominal: float
) -> FoundScale | None:
    """Find the scale at which spots lie on the lines of a crystal.

    Parameters
    ----------
    radii : `(frame)(spot,)`, of frames in the order of the scan [pixels].
    angles : Of the lines [mrad].
    known : How well their spacings are.
    nominal : Where to look [mrad per pixel].

    Returns
    -------
    The scale, with the error by parts of the scan, whose crystals differ; nothing where too few
    spots lie on lines.
    """
    everything = np.concatenate([*radii, np.empty(0)])
    lines = np.log(angles)
    if len(everything) < FEWEST_SPOTS:
        return None
    scales = nominal * np.exp(np.arange(-SEARCH, SEARCH, STEP))
    logs = np.log(everything)
    on_lines = np.array(
        [
            np.exp(-((_nearest(logs + np.log(s), lines)[0] / LINE_WIDTH) ** 2) / 2).sum()
            for s in scales
        ]
    )
    best = int(on_lines.argmax())
    if on_lines[best] < STANDS_OUT * float(np.median(on_lines)):
        return None
    found = _settled(logs, lines, float(scales[best]))
    if found is None:
        return None
    scale, seen = found
    parts = []
    for part in range(PARTS):
        rest = [own for place, own in enumerate(radii) if place * PARTS // len(radii) != part]
        again = _settled(np.log(np.concatenate([*rest, np.empty(0)])), lines, scale)
        if again is not None:
            parts.append(again[0])
    if len(parts) < FEWEST_PARTS:
        return None
    floor = PLACE_ERROR * scale**2 / float(angles[0])
    error = hypot(sqrt(jackknife_variance(parts)), floor)
    return FoundScale(scale, hypot(error, known.relative_error * scale), seen)


def _nearest(
    logs: NDArray[np.float64], lines: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance of each from its nearest line, and which that is."""
    away = logs[:, None] - lines
    line = np.abs(away).argmin(1)
    return away[np.arange(len(logs)), line], line


def _settled(
    logs: NDArray[np.float64], lines: NDArray[np.float64], scale: float
) -> tuple[float, int] | None:
    """Median over the spots that belong to lines, and how many lines have some."""
    for _ in range(ROUNDS):
        away, line = _nearest(logs + np.log(scale), lines)
        own = np.abs(away) < BELONGS
        seen = len(np.unique(line[own]))
        if own.sum() < FEWEST_SPOTS or seen < FEWEST_LINES:
            return None
        scale *= float(np.exp(-np.median(away[own])))
    return scale, seen
