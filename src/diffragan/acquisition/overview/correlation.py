"""Correlation of two maps over all shifts, where either may be unknown in places."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Map = NDArray[np.float64]
Spectrum = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Reference:
    """A map with holes, ready to be correlated with many others."""

    shape: tuple[int, int]
    padded: tuple[int, int]
    values: Spectrum
    squares: Spectrum
    known: Spectrum


def reference(values: Map, known: NDArray[np.bool_], largest: int) -> Reference:
    """Prepare a map `(y, x)`; the other ones have up to `largest` pixels a side."""
    padded = tuple(scipy.fft.next_fast_len(n + largest, real=True) for n in values.shape)
    inside = np.where(known, values, 0.0)
    transforms = [scipy.fft.rfft2(part, padded) for part in (inside, inside**2, known * 1.0)]
    return Reference((values.shape[0], values.shape[1]), (padded[0], padded[1]), *transforms)


def masked_correlation(
    image: Reference, piece: Map, known: NDArray[np.bool_], least_share: float
) -> tuple[float, tuple[int, int]]:
    """Return the highest normalised correlation of a piece with an image, and where.

    Every shift is judged by the pixels that both know there, with their own means and variances.
    Shifts at which fewer than `least_share` of the piece's known pixels are known in the image do
    not count.

    Returns
    -------
    Correlation, and the row and column of the image at which pixel 0, 0 of the piece then lies;
    a correlation of -1 where nothing overlaps enough.

    Source: Padfield, IEEE Trans. Image Process. 21 (2012) 2706, eq. 10 to 14.
    """
    inside = np.where(known, piece, 0.0)
    value, square, mask = (
        np.conj(scipy.fft.rfft2(part, image.padded)) for part in (inside, inside**2, known * 1.0)
    )

    def over_shifts(first: Spectrum, second: Spectrum) -> Map:
        return np.asarray(scipy.fft.irfft2(first * second, image.padded))

    count = np.maximum(over_shifts(image.known, mask), 1.0)
    image_sum, piece_sum = over_shifts(image.values, mask), over_shifts(image.known, value)
    cross = over_shifts(image.values, value) - image_sum * piece_sum / count
    image_variance = over_shifts(image.squares, mask) - image_sum**2 / count
    piece_variance = over_shifts(image.known, square) - piece_sum**2 / count
    product = image_variance.clip(0) * piece_variance.clip(0)
    # A correlation of almost even maps is one of rounding errors.
    enough = (count >= least_share * known.sum()) & (product > 1e-9 * product.max())
    if not enough.any():
        return -1.0, (0, 0)
    correlation = np.where(enough, cross / np.sqrt(np.maximum(product, 1e-300)), -1.0)
    best = int(correlation.argmax())
    row, column = np.unravel_index(best, correlation.shape)
    rows, columns = image.padded
    at_row = int(row) if row < image.shape[0] else int(row) - rows
    at_column = int(column) if column < image.shape[1] else int(column) - columns
    return float(correlation.flat[best]), (at_row, at_column)
