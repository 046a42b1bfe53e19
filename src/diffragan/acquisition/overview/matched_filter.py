"""Matched filters for molecules of several sizes, on an image of any size.

A molecule of unknown orientation looks, coarsely, like a ball. Its contrast is its phase through
the lens; whitened by the image's own power spectrum, the filter is the phase flip and the Wiener
filter in one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.overview.contrast import Contrast
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Complex, Float, Tensor

MASSES_KDA = (5.0, 9.0, 16.0, 28.0, 50.0, 100.0)
VOLUME_ANGSTROM3_PER_KDA = 1210.0
"""Of a folded protein. Harpaz, Gerstein and Chothia, Structure 2 (1994) 641."""
EDGE_ANGSTROM = 3.0
"""Standard deviation of the Gaussian that softens the ball's edge."""
TILE_PIXELS, MARGIN_PIXELS = 1024, 128
COARSEST_ANGSTROM = 250.0
"""Coarser is the ice's thickness, not a molecule."""


def ball_radius_angstrom(mass_kda: float) -> float:
    """Radius of the ball of a folded protein's volume [Å]."""
    return float((3 * VOLUME_ANGSTROM3_PER_KDA * mass_kda / (4 * pi)) ** (1 / 3))


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of one image, one for each mass."""

    masses_kda: tuple[float, ...]
    transfer: Float[Tensor, "mass y half_x"]
    """Response to the contrast; noise comes out with a variance of 1."""
    slopes_per_angstrom2: tuple[float, ...]
    """Variance of the slope of each filter's response to noise, along one axis [1/Å2]."""


def filters_for(contrast: Contrast, optics: OpticsSettings, electron: Electron) -> Filters:
    """Make the filters of an image: K / N over the root of the sum of K^2 / N.

    K is the ball's transform times the linear contrast of the lens, N the power of the contrast.

    Parameters
    ----------
    contrast : Of the image.
    optics : The lens.
    electron : The beam's electron.

    Source: Turin, IRE Trans. Inf. Theory 6 (1960) 311.
    """
    side = tile_pixels(contrast.values.shape)
    grid = Grid(side, side * contrast.pixel_angstrom)
    half = side // 2 + 1
    q = torch.sqrt(grid.squared_frequencies(dtype=torch.float64))[:, :half]
    lens = phase_contrast(optics, grid, electron)[:, :half].double()
    noise = contrast.noise_power(q)
    seen = (q > 1 / COARSEST_ANGSTROM) & (q < grid.nyquist_per_angstrom)
    # Half of a real transform holds all columns twice but the first.
    twice = torch.full_like(q, 2.0)
    twice[:, 0] = 1.0
    transfer, slopes = [], []
    for mass in MASSES_KDA:
        wanted = ball_transform(q, ball_radius_angstrom(mass)) * lens * seen
        norm = torch.sqrt((twice * wanted**2 / noise).sum() / side**2)
        transfer.append((wanted / noise / norm.clamp(min=1e-30)).float())
        power = twice * wanted**2 / noise
        slopes.append(float((power * (2 * pi * q) ** 2).sum() / power.sum() / 2))
    return Filters(MASSES_KDA, torch.stack(transfer), tuple(slopes))


def tile_pixels(shape: tuple[int, ...]) -> int:
    """Side of the square tiles that an image is filtered in; a small image is one of them."""
    return TILE_PIXELS if max(shape) + 2 * MARGIN_PIXELS > TILE_PIXELS else _even(max(shape))


def _even(pixels: int) -> int:
    side = pixels + 2 * MARGIN_PIXELS
    return side + side % 2


def ball_transform(q: Float[Tensor, "y x"], radius_angstrom: float) -> Float[Tensor, "y x"]:
    """Transform of a ball's projection with a soft edge, 1 at zero frequency.

    3 (sin x - x cos x) / x^3 with x = 2 pi q R; Guinier, X-ray Diffraction (1963), sec. 10.1.

    Parameters
    ----------
    q : Frequencies [1/Å].
    radius_angstrom : Of the ball [Å].
    """
    x = (2 * pi * radius_angstrom * q).clamp(min=1e-3)
    ball = 3 * (torch.sin(x) - x * torch.cos(x)) / x**3
    return ball * torch.exp(-2 * (pi * EDGE_ANGSTROM * q) ** 2)


def filtered(
    contrast: NDArray[np.float32], transfer: Float[Tensor, "y half_x"]
) -> NDArray[np.float32]:
    """Filter an image tile by tile.

    Parameters
    ----------
    contrast : `(y, x)`, with a mean of zero.
    transfer : One of `Filters.transfer`.
    """
    out = np.zeros_like(contrast)
    for tile, inner, place in _tiles(contrast, transfer.shape[0]):
        spectrum: Complex[Tensor, "y half_x"] = torch.fft.rfft2(torch.from_numpy(tile))
        response = torch.fft.irfft2(spectrum * transfer, s=tile.shape)
        out[place] = response[inner].numpy()
    return out


Slices = tuple[slice, slice]


def _tiles(
    values: NDArray[np.float32], side: int
) -> Iterator[tuple[NDArray[np.float32], Slices, Slices]]:
    """Yield tiles with their margins, what is right of each, and where that belongs."""
    step = side - 2 * MARGIN_PIXELS
    height, width = values.shape
    for top in range(0, height, step):
        for left in range(0, width, step):
            bottom, right = min(top + step, height), min(left + step, width)
            rows = np.arange(top - MARGIN_PIXELS, top - MARGIN_PIXELS + side)
            columns = np.arange(left - MARGIN_PIXELS, left - MARGIN_PIXELS + side)
            # Mirrored at the image's edges, so that these are no edges to the filter.
            tile = values[mirrored(rows, height)[:, None], mirrored(columns, width)[None, :]]
            inner = (
                slice(MARGIN_PIXELS, MARGIN_PIXELS + bottom - top),
                slice(MARGIN_PIXELS, MARGIN_PIXELS + right - left),
            )
            yield tile, inner, (slice(top, bottom), slice(left, right))


def mirrored(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Fold indices beyond an axis of `length` back into it, as if mirrors stood at its ends."""
    folded = np.abs(index) % (2 * length)
    return np.asarray(np.minimum(folded, 2 * length - 1 - folded))
