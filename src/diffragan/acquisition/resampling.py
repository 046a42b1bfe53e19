"""Counted images sampled anew on a finer grid, with nothing blurred and Poisson noise kept.

Electrons that are put at random places of their pixels (`spreading.py`) are blurred by a pixel once
more. Where a pixel is as wide as half the finest detail, that takes a third of the detail's
contrast, and none of the noise. So what the pixels know is interpolated, which moves their noise
along, white up to their Nyquist frequency; beyond it they know nothing, and noise of the same power
is drawn. Sums over a disc of frequencies then have the noise of counts, and it is white.

Source of the interpolation: Shannon, Proc. IRE 37 (1949) 10 (band-limited signals).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.signal import resample

from diffragan.acquisition.spreading import Points

FINER = 4
"""Times more finely that an image is sampled by its transform, before splines read it off."""
MARGIN_PIXELS = 16
"""Mirrored about the image, for a transform takes it for periodic."""
NYQUIST = 0.5
"""Cycles for each pixel."""


def resampled_counts(
    counts: NDArray[np.floating], places: Points, matrix: Points, generator: np.random.Generator
) -> NDArray[np.uint32]:
    """Count an image on a finer grid.

    Parameters
    ----------
    counts : `(row, column)`, electrons in each pixel.
    places : `(row, column, 2)`, row and column of `counts` at which each pixel of the other grid
        has its middle; those outside take the nearest inside.
    matrix : `(2, 2)`, rows and columns of `counts` for a step along rows and columns of the other
        grid; shorter than one.
    generator : Draws the noise beyond the Nyquist frequency, and rounds.
    """
    area = float(abs(np.linalg.det(matrix)))
    mean = float(counts.mean())
    padded = np.pad(counts - mean, MARGIN_PIXELS, mode="reflect")
    for axis in (0, 1):
        padded = resample(padded, FINER * padded.shape[axis], axis=axis)
    at = np.moveaxis((places + MARGIN_PIXELS) * FINER, -1, 0)
    expected = area * (mean + map_coordinates(padded, at, order=3, mode="nearest"))
    noise = np.fft.fft2(generator.standard_normal(expected.shape))
    noise[_known(expected.shape, matrix)] = 0
    drawn = expected + (area * max(mean, 0.0)) ** 0.5 * np.fft.ifft2(noise).real
    # Rounding at random keeps the mean.
    whole = np.floor(drawn + generator.random(drawn.shape)).clip(min=0)
    return np.asarray(whole, np.uint32)


def _known(shape: tuple[int, ...], matrix: Points) -> NDArray[np.bool_]:
    """Frequencies of the finer grid, FFT order, up to the Nyquist frequency of the coarser one."""
    frequency = np.stack(np.meshgrid(*map(np.fft.fftfreq, shape), indexing="ij"), axis=-1)
    own = frequency @ np.linalg.inv(matrix)
    return np.asarray((np.abs(own) <= NYQUIST).all(-1))
