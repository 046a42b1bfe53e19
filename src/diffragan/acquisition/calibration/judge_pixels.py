"""From sums over frames to what the detector's pixels are worth and what they count."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation

from diffragan.acquisition.calibration.bad_pixels import find_bad_pixels
from diffragan.acquisition.calibration.detector_calibration import PixelFaults
from diffragan.acquisition.calibration.gain import Gain, gain_from_variance
from diffragan.acquisition.calibration.rings import radius_map
from diffragan.acquisition.calibration.rough_centre import rough_centre
from diffragan.acquisition.calibration.shadows import Flags, find_shadows
from diffragan.acquisition.calibration.statistics import PixelStatistics
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError

SATURATED_SHARE = 0.05
"""Pixels saturated in more than this share of the frames are not measured in any."""
SATURATED_RIM = 2
"""Pixels beside them that a wandering beam saturates in other frames."""
GAIN_SIGMAS = 4.0
GAIN_SHARE = 0.05
"""A given gain is contradicted by a found one that differs by more than both."""
COUNTING_SHARE = 0.3
"""Whole numbers whose variance is their mean within this share are single electrons: a detector
that counts misses some, and counts others twice."""


@dataclass(frozen=True, slots=True)
class JudgedPixels:
    """The detector without its lenses."""

    faults: PixelFaults
    offset_counts: float
    counts_per_electron: float
    found: Gain | None
    rough_centre: tuple[float, float]
    warnings: tuple[str, ...]


def judge_pixels(
    statistics: PixelStatistics, settings: ScanSettings, whole_numbers: bool
) -> JudgedPixels:
    """Find shadows, bad pixels, offset and gain.

    Parameters
    ----------
    statistics : Sums of upright frames.
    settings : What is given counts; what is found beside it becomes a warning where they differ.
    whole_numbers : Whether pixels are of an integer type.

    Raises
    ------
    InputError : No pixel is left.
    """
    mean = statistics.mean
    constant = np.asarray(~statistics.variance().any(0))
    counting, offset = _offset(statistics, settings, constant, whole_numbers)
    warnings = []
    centre = rough_centre(mean - offset, ~constant)
    radius = radius_map(mean.shape, centre)
    gain = settings.counts_per_electron or 1.0
    sums = statistics.count * (mean - offset) / gain
    deviation = None
    if not counting:
        deviation = np.sqrt(np.median(statistics.variance(), 0) * statistics.count) / gain
    shadows = find_shadows(sums, radius, constant, deviation)
    if not counting and settings.offset_counts is None:
        if (shadows.beam_stop & ~constant).any():
            offset = float(np.median(mean[shadows.beam_stop & ~constant]))
        warnings.append(
            f"scan.offset_counts is not given; {offset:.4g} is taken, what the darkest pixels hold"
        )
    saturated = _saturated(statistics)
    usable = ~(shadows.beam_stop | shadows.gaps | shadows.dead | saturated | constant)
    if not usable.any():
        raise InputError(
            "no pixel is left that is neither dead, hidden nor saturated; are these patterns?"
        )
    tiled = not counting
    first = gain_from_variance(statistics, offset, usable, tiled=tiled)
    gain = settings.counts_per_electron or (first.counts_per_electron if first else 1.0)
    bad = find_bad_pixels(statistics, offset, gain, radius, usable)
    trusted = usable & ~bad.hot & ~bad.noisy
    found = gain_from_variance(statistics, offset, trusted, tiled=tiled)
    used = _gain(settings, found, counting, warnings)
    flags = (shadows.dead, bad.hot, bad.noisy, shadows.beam_stop, shadows.gaps, saturated)
    faults = PixelFaults(*(torch.from_numpy(np.ascontiguousarray(part)) for part in flags))
    if not bool(faults.good().any()):
        raise InputError("no pixel is left that is neither dead, hot, hidden nor saturated")
    return JudgedPixels(faults, offset, used, found, centre, tuple(warnings))


def _offset(
    statistics: PixelStatistics, settings: ScanSettings, constant: Flags, whole_numbers: bool
) -> tuple[bool, float]:
    """Whether single electrons are counted, and the value of a pixel without any.

    The darkest pixels tell: where electrons are counted, their variance is their mean.
    """
    if settings.offset_counts is not None:
        return settings.offset_counts == 0 and whole_numbers, settings.offset_counts
    mean = np.median(statistics.sums / statistics.frames[:, None, None], 0)[~constant]
    spread = np.median(statistics.variance(), 0)[~constant]
    dark = mean <= np.quantile(mean, 0.02)
    level = float(mean[dark].mean())
    if whole_numbers and level >= 0 and spread[dark].mean() >= 0.5 * level:
        return True, 0.0
    return False, level


def _saturated(statistics: PixelStatistics) -> Flags:
    often = statistics.saturated > SATURATED_SHARE * statistics.count
    # One pixel alone is hot, or stuck at its largest value.
    neighbours = sum(
        np.roll(often, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j
    )
    often &= np.asarray(neighbours) > 0
    return np.asarray(binary_dilation(often, iterations=SATURATED_RIM)) if often.any() else often


def _gain(settings: ScanSettings, found: Gain | None, counting: bool, warnings: list[str]) -> float:
    """Return the counts of an electron to use; what was given counts."""
    given = settings.counts_per_electron
    if given is not None:
        if found is not None:
            off = abs(found.counts_per_electron - given)
            if off > max(GAIN_SIGMAS * found.error, GAIN_SHARE * given):
                warnings.append(
                    f"scan.counts_per_electron is {given:.4g}, but counts vary as if it were "
                    f"{found.counts_per_electron:.4g} +- {found.error:.2g}"
                )
        return given
    if found is None:
        if not counting:
            warnings.append(
                "scan.counts_per_electron is not given and cannot be told from the counts; 1 is "
                "taken"
            )
        return 1.0
    off = abs(found.counts_per_electron - 1)
    if counting and off <= max(GAIN_SIGMAS * found.error, COUNTING_SHARE):
        return 1.0
    warnings.append(
        f"scan.counts_per_electron is not given; {found.counts_per_electron:.4g} +- "
        f"{found.error:.2g} is taken, from how counts vary"
    )
    return found.counts_per_electron
