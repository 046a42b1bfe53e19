"""The contrast of an overview image, evened out, without what shows no molecules."""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray

from diffragan.acquisition.overview.exclusion import cell_pixels, excluded_cells, spread
from diffragan.acquisition.overview.spectrum import power_spectrum
from diffragan.io.overview_image import OverviewImage
from diffragan.typing import Float, Tensor

Map = NDArray[np.float32]

PIXEL_ANGSTROM = 3.0
"""The image is binned to pixels not larger than that: molecules are sought by nothing finer."""
EVEN_ANGSTROM = 500.0
"""Illumination and thickness are taken out as the mean about every pixel, by a square of that
side applied three times: nearly a Gaussian, at a cost that does not grow with it."""
LEAST_NOISE = 0.05
"""Of counting noise: a detector may blur it away, but then no signal is left either."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What molecules are sought in."""

    values: Map
    """`(y, x)`: electrons over their local mean, less 1; 0 where excluded."""
    pixel_angstrom: float
    binning: int
    """How many pixels of the image make the side of one."""
    excluded: NDArray[np.bool_]
    """`(cell_y, cell_x)`."""
    cell_pixels: int
    """Side of a cell of `excluded`."""
    ring_per_angstrom: NDArray[np.float64]
    """`(ring,)` frequencies of `noise`."""
    noise: NDArray[np.float64]
    """`(ring,)`, mean power of the contrast's coefficients, per pixel."""

    def noise_power(self, q: Float[Tensor, "y x"]) -> Float[Tensor, "y x"]:
        """Power of the contrast at frequencies [1/Å], per pixel."""
        return torch.from_numpy(np.interp(q.numpy(), self.ring_per_angstrom, self.noise))


def prepare(image: OverviewImage) -> Contrast:
    """Bin an image, exclude what is no ice with molecules, and divide by the local mean."""
    electrons, pixel, binning = binned(image.electrons, image.pixel_angstrom)
    cells = excluded_cells(electrons, pixel)
    side = cell_pixels(pixel, electrons.shape)
    odd = spread(cells, side, electrons.shape)
    spectrum = power_spectrum(electrons, pixel, odd)
    known = np.isfinite(spectrum.variance)
    power = np.where(known, spectrum.power, 0).sum(0) / np.maximum(known.sum(0), 1)
    mean = float(electrons.sum(where=~odd, dtype=np.float64)) / max(int((~odd).sum()), 1)
    return Contrast(
        _evened(electrons, odd, pixel),
        pixel,
        binning,
        cells,
        side,
        spectrum.frequency,
        np.maximum(power, LEAST_NOISE) / max(mean, 1e-6),
    )


def _local_mean(values: Map, pixel_angstrom: float) -> Map:
    side = min(round(EVEN_ANGSTROM / pixel_angstrom), *values.shape)
    for _ in range(3):
        values = scipy.ndimage.uniform_filter(values, side, mode="nearest")
    return values


def _evened(electrons: Map, odd: NDArray[np.bool_], pixel_angstrom: float) -> Map:
    """Divide by the local mean and take 1 off; in place, since an image may fill the memory."""
    used = (~odd).astype(np.float32)
    # Only pixels that count make the mean, or every edge would be a slope.
    values = _local_mean(electrons * used, pixel_angstrom)
    share = _local_mean(used, pixel_angstrom)
    np.maximum(share, 1e-6, out=share)
    values /= share
    empty = odd | (values <= 0)
    values[empty] = 1
    np.divide(electrons, values, out=values)
    values -= 1
    values[empty] = 0
    return values


def binned(electrons: Map, pixel_angstrom: float) -> tuple[Map, float, int]:
    """Add up whole blocks of pixels, up to `PIXEL_ANGSTROM`.

    Returns
    -------
    Electrons `(y, x)`, the new pixel [Å], and how many old ones make its side.
    """
    factor = max(1, int(PIXEL_ANGSTROM / pixel_angstrom))
    if factor == 1:
        return electrons, pixel_angstrom, 1
    rows, columns = (n // factor for n in electrons.shape)
    blocks = electrons[: rows * factor, : columns * factor]
    summed = blocks.reshape(rows, factor, columns, factor).sum((1, 3))
    return summed, pixel_angstrom * factor, factor
