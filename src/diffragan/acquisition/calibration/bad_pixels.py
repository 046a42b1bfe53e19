"""Pixels that count too often, or too unevenly."""

from dataclasses import dataclass

import numpy as np

from diffragan.acquisition.calibration.rings import Map, ring_medians, spread_over
from diffragan.acquisition.calibration.shadows import Flags
from diffragan.acquisition.calibration.statistics import PixelStatistics
from diffragan.robust import MAD_TO_SIGMA

SIGMAS = 7.0
"""Deviations beyond which a pixel is bad: a chance of 10^-12 for one, so none of a million."""
HOT_SHARE = 1.4
"""How many times its surroundings a hot pixel counts at least: below that it is the pattern."""
NOISY_SHARE = 2.0
"""How many times the usual variance at its mean a noisy pixel has at least."""
BEAM_PIXELS = 8
"""Radius about the centre within which pixels are not judged."""
LEFT_OUT = 2
"""Groups of frames that show most, and do not count."""
LEAST_COUNTS = 40
"""Electrons of a group of frames that a pixel's variance is judged by."""
SURROUNDINGS = 5
"""Side of the square that a pixel is compared with [pixels]."""


@dataclass(frozen=True, slots=True)
class BadPixels:
    """Pixels not to be trusted although they count."""

    hot: Flags
    """`(q_y, q_x)`, count far more often than their ring and their surroundings."""
    noisy: Flags
    """`(q_y, q_x)`, vary far more than electrons do."""


def find_bad_pixels(
    statistics: PixelStatistics, offset_counts: float, gain: float, radius: Map, usable: Flags
) -> BadPixels:
    """Judge each pixel by its sums and variances over groups of frames.

    A Bragg spot fills a pixel in one part of the scan; a hot pixel is hot in all. So the two
    groups that show most are left out. What is left is compared with the ring (its median and its
    spread, which holds what is not round) and with the median of the surrounding square, by the
    Poisson error of a sum. Within `BEAM_PIXELS` of the centre the direct beam, wandering, looks
    like both faults, and nothing is judged.

    Parameters
    ----------
    statistics : Sums of the frames.
    offset_counts : What a pixel holds without electrons.
    gain : Counts that an electron adds.
    radius : `(q_y, q_x)`, distance from the centre [pixels].
    usable : `(q_y, q_x)`, neither shadowed nor dead.

    Source: Anscombe, Biometrika 35 (1948) 246 (the roots of few counts).
    """
    means = statistics.sums / statistics.frames[:, None, None] - offset_counts
    kept = max(len(means) - LEFT_OUT, 1)
    level = np.sort(means, 0)[:kept].mean(0)
    counted = statistics.count * kept / len(means)
    ring, ring_spread = ring_medians(level, radius, usable)
    around = _surroundings(level, usable)
    noise = np.median(statistics.variance(), 0)
    usual, _ = ring_medians(noise, radius, usable)
    judged = usable & (radius > BEAM_PIXELS)
    hot = judged.copy()
    for expected, spread in (
        (spread_over(ring, radius), spread_over(ring_spread, radius)),
        (around, np.zeros_like(around)),
    ):
        # Poisson's variance, or what the ring shows if that is more.
        single = np.maximum(gain * expected, spread_over(usual, radius)).clip(min=0)
        error = np.sqrt(single / counted + spread**2)
        hot &= (level > expected + SIGMAS * error) & (level > HOT_SHARE * expected)
        # Few counts are more unevenly distributed than their variance says; their roots are not.
        roots = [np.sqrt((v * counted / gain).clip(min=0) + 3 / 8) for v in (level, expected)]
        hot &= 2 * (roots[0] - roots[1]) > SIGMAS
    # A peak of the pattern is wider than one pixel: its neighbours stand out as well.
    hot &= level > HOT_SHARE * _second_largest(level, usable)
    noisy = _noisy(statistics, level / gain, gain, noise, judged & ~hot)
    return BadPixels(hot, noisy)


def _noisy(
    statistics: PixelStatistics, level: Map, gain: float, noise: Map, usable: Flags
) -> Flags:
    """Find pixels whose variance is far above that of pixels with the like mean nearby."""
    n = float(np.median(statistics.frames))
    # The variance of a few counts says nothing, unless there is read noise.
    around, poisson = _surroundings(noise, usable), gain**2 * _surroundings(level, usable)
    told = (n * poisson >= gain**2 * LEAST_COUNTS) | (around > 4 * poisson + 0.1 * gain**2)
    floor = np.median(noise[usable])
    expected = np.maximum(around, 1e-3 * floor + 1e-12)
    ratio = noise / expected
    # Relative variance of a sample variance: 2/n, and 1/mean more for few counts (Poisson's
    # fourth moment); the median of groups averages them.
    chance = (2 / n + 1 / (n * np.maximum(level, 1 / n))) * 1.25**2 / len(statistics.frames)
    spread = MAD_TO_SIGMA * np.median(np.abs(ratio[usable] - np.median(ratio[usable])))
    limit = 1 + SIGMAS * np.sqrt(chance + spread**2)
    beside = _second_largest(noise, usable)
    return np.asarray(
        told & usable & (ratio > np.maximum(limit, NOISY_SHARE)) & (noise > NOISY_SHARE * beside)
    )


def _surroundings(values: Map, usable: Flags) -> Map:
    """Median of the usable pixels in a square about each."""
    half = SURROUNDINGS // 2
    # What is not usable counts as infinite, and the median is taken of those before it.
    padded = np.pad(np.where(usable, values, np.inf), half, constant_values=np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (SURROUNDINGS, SURROUNDINGS))
    found = np.zeros_like(values)
    for row in range(len(values)):
        some = np.sort(windows[row].reshape(values.shape[1], -1), axis=1)
        known = np.isfinite(some).sum(1)
        columns = np.arange(len(some))
        middle = 0.5 * (some[columns, (known - 1) // 2] + some[columns, known // 2])
        found[row] = np.where(known > 0, middle, 0.0)
    return found


def _second_largest(values: Map, usable: Flags) -> Map:
    """Second largest of the eight neighbours: two hot pixels may touch."""
    padded = np.pad(np.where(usable, values, 0.0), 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    neighbours = np.delete(windows.reshape(*values.shape, 9), 4, axis=2)
    return np.asarray(np.partition(neighbours, 6, axis=2)[:, :, 6])
