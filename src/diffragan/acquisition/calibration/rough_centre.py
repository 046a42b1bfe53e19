"""Where the middle of the mean pattern lies, from nothing but its symmetry."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from diffragan.errors import InputError

Map = NDArray[np.float64]
LEAST_OVERLAP = 0.3
"""Share of the usable pixels that a pattern and its inversion must have in common."""


def rough_centre(mean: Map, usable: NDArray[np.bool_]) -> tuple[float, float]:
    """Find the point through which the mean pattern inverted is most like itself.

    The correlation coefficient of the logarithm with its inversion, over the pixels that both
    have: a beam stop or gap is left out, wherever it lies. Good to about half a pixel.

    Parameters
    ----------
    mean : `(q_y, q_x)`, mean counts.
    usable : `(q_y, q_x)`, which pixels ever count.

    Raises
    ------
    InputError : Nothing is usable.

    Source: masked correlation, Padfield, IEEE Trans. Image Process. 21 (2012) 2706, eq. 1 to 9,
    of an image with itself inverted.
    """
    if not usable.any():
        raise InputError("no pixel of the detector ever counts; was the beam blanked?")
    # Single hot pixels would be their own best inversion.
    smooth = median_filter(mean, 3)
    floor = np.quantile(smooth[usable], 0.05)
    scale = max(float(np.median(smooth[usable] - floor)), 1e-9)
    values = np.log1p(np.maximum(smooth - floor, 0) / scale) * usable
    height, width = mean.shape
    shape = (2 * height, 2 * width)
    F, M, S = (np.fft.rfft2(v, shape) for v in (values, usable.astype(float), values**2))
    overlap, first, second, cross = (np.fft.irfft2(v, shape) for v in (M * M, F * M, S * M, F * F))
    enough = overlap > LEAST_OVERLAP * usable.sum()
    overlap = np.maximum(overlap, 1)
    # Of an image and its inversion both means, and both variances, are equal by symmetry.
    score = (cross - first**2 / overlap) / np.maximum(second - first**2 / overlap, 1e-9)
    score = np.where(enough, score, -np.inf)
    peak = np.unravel_index(int(score.argmax()), score.shape)
    return tuple((int(p) + _parabola(score, peak, axis)) / 2 for axis, p in enumerate(peak))  # type: ignore[return-value]


def _parabola(score: Map, peak: tuple[np.intp, ...], axis: int) -> float:
    """Offset of the top of a parabola through a peak and its neighbours along an axis."""
    line = np.take(score, peak[1 - axis], axis=1 - axis)
    place = int(peak[axis])
    before, top, after = line[place - 1], line[place], line[(place + 1) % len(line)]
    bend = before - 2 * top + after
    if not np.isfinite(bend) or bend >= 0:
        return 0.0
    return float(0.5 * (before - after) / bend)
