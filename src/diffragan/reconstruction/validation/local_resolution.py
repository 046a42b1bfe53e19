"""Resolution at every place of a map: half maps compared within a window, band by band.

The correlation of two maps in one shell and one window is that of the band-passed maps, averaged
over the window in real space. So one band is in memory at a time, whatever the number of places,
and the averages, which are smooth, are kept on a coarser grid.

Source: Cardone, Heymann and Steven, J. Struct. Biol. 184 (2013) 226 (local Fourier correlation).
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from diffragan.grid import Grid
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.typing import Tensor, Volume

Numbers = NDArray[np.float64]

WINDOW_ANGSTROM = 20.0
"""Full width of the window at half maximum: some hundred independent samples in a band at 5 Å."""
THRESHOLD = 0.143
COARSEST_ANGSTROM = 20.0
RELATIVE_WIDTH = 0.1
"""Of a band, of its own frequency: finer steps would tell nobody more."""
SIGMAS_PER_WIDTH = 2 * (2 * np.log(2)) ** 0.5
SAMPLES_PER_SIGMA = 2.0


def local_resolution(
    half1: Volume,
    half2: Volume,
    grid: Grid,
    mask: Volume | None = None,
    *,
    threshold: float = THRESHOLD,
    window_angstrom: float = WINDOW_ANGSTROM,
) -> Volume:
    """Resolution `(z, y, x)` [Å] where the local correlation first falls below the threshold.

    Places where it never falls have the resolution of the finest band; those outside the mask 0.

    Parameters
    ----------
    half1, half2 : `(z, y, x)`.
    grid : Sampling of both.
    mask : `(z, y, x)` from 0 to 1; places of less than a half are left out.
    threshold : Of the correlation.
    window_angstrom : Full width at half maximum of the Gaussian window [Å].

    Raises
    ------
    InputError : The maps or the mask are of another size, flat, or not finite.
    """
    for volume, name in ((half1, "the first half map"), (half2, "the second half map")):
        check_volume(volume, grid, name)
        check_contrast(volume, name)
    if mask is not None:
        check_volume(mask, grid, "the mask")
    sigma = window_angstrom / SIGMAS_PER_WIDTH / grid.pixel_angstrom
    factor = max(1, int(sigma / SAMPLES_PER_SIGMA))
    wanted = np.array(True) if mask is None else _blocks(mask.double(), factor) > 0
    before: Numbers | None = None
    found: Numbers | None = None
    previous = 0.0
    for centre, first, second in _bands(half1, half2, grid, window_angstrom):
        now = _windowed_correlation(first, second, factor, sigma)
        if before is None or found is None:
            found = np.where(now < threshold, centre, 0.0)
        else:
            falls = (found == 0) & (now < threshold)
            share = (before - threshold) / np.maximum(before - now, 1e-12)
            found = np.where(falls, previous + share * (centre - previous), found)
        before, previous = now, centre
        if not ((found == 0) & wanted).any():
            break
    assert found is not None
    found[found == 0] = previous
    resolution = _on_the_grid(1 / found, grid.pixels, factor)
    if mask is not None:
        resolution = torch.where(mask >= 0.5, resolution, 0)
    return resolution.float()


def _bands(
    half1: Volume, half2: Volume, grid: Grid, window_angstrom: float
) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield the middle of each band [1/Å] with both maps passed through it."""
    narrowest = max(1 / window_angstrom, 1 / grid.box_angstrom)
    axis = grid.axis_frequencies()
    half_axis = axis[: grid.pixels // 2 + 1].abs()
    frequency = torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + half_axis**2)
    shape = (grid.pixels,) * 3
    transforms = [torch.fft.rfftn(volume.float()) for volume in (half1, half2)]
    centre = max(1 / COARSEST_ANGSTROM, narrowest)
    while centre <= grid.nyquist_per_angstrom:
        # Triangles that overlap by half: as narrow as the window lets them be, or by the eye.
        width = max(narrowest, RELATIVE_WIDTH * centre)
        band = (1 - (frequency - centre).abs() / width).clamp(min=0)
        yield centre, *(torch.fft.irfftn(transform * band, s=shape) for transform in transforms)
        centre += width / 2


def _windowed_correlation(first: Tensor, second: Tensor, factor: int, sigma: float) -> Numbers:
    cross, power1, power2 = (
        gaussian_filter(_blocks(product, factor), sigma / factor, mode="wrap")
        for product in (first * second, first**2, second**2)
    )
    norm = np.sqrt(np.maximum(power1 * power2, 0))
    return np.where(norm > 0, cross / np.maximum(norm, 1e-300), 0.0)


def _blocks(values: Tensor, factor: int) -> Numbers:
    """Mean over blocks; the last one along an axis repeats the box's first planes."""
    side = len(values)
    if factor == 1:
        return np.asarray(values.double().numpy())
    blocks = -(-side // factor)
    index = torch.arange(blocks * factor) % side
    whole = values[index][:, index][:, :, index] if blocks * factor != side else values
    shape = (blocks, factor) * 3
    return np.asarray(whole.reshape(shape).double().mean((1, 3, 5)).numpy())


def _on_the_grid(values: Numbers, side: int, factor: int) -> Volume:
    if factor == 1:
        return torch.from_numpy(values)
    finer = zoom(values, factor, order=1, mode="grid-wrap", grid_mode=True)
    return torch.from_numpy(finer[:side, :side, :side])
