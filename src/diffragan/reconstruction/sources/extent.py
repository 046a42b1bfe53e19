"""How much of its box a molecule takes up, told by the images themselves."""

from collections.abc import Iterable

import torch

from diffragan.grid import Grid
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Float, Images, Tensor

LEAST_EXCESS = 0.02
"""Of the largest excess of variance over noise, below which a ring shows no molecule."""
SURE = 4.0
"""Deviations by which the variance of a ring with a molecule lies above that of noise."""
BACKGROUND = 0.9
"""Rings beyond this share of half the box hold noise alone."""


def extent(batches: Iterable[Images], grid: Grid) -> float:
    """Radius around the middle of images outside which no molecule shows [Å].

    Where a molecule is seen, in whatever orientation, images vary more than by their noise.

    Parameters
    ----------
    batches : Images `(n, y, x)` of one molecule, mean zero where there is none.
    grid : Of the images.
    """
    count = grid.pixels // 2
    # Rings of real space: as those of a transform, with zero moved to n // 2.
    rings = torch.fft.fftshift(ring_index((grid.pixels, grid.pixels)))
    population = ring_sum(torch.ones(rings.shape, dtype=torch.float64), rings, count)
    squares, images = torch.zeros(count, dtype=torch.float64), 0
    for batch in batches:
        squares += ring_sum(batch.double().square().sum(0), rings, count)
        images += len(batch)
    values = population * max(images, 1)
    return _last_ring(squares / values, values) * grid.pixel_angstrom


def _last_ring(variance: Float[Tensor, " ring"], values: Float[Tensor, " ring"]) -> int:
    noise = float(variance[int(BACKGROUND * len(variance)) :].median())
    excess = variance - noise
    # The square of a normal number varies by sqrt(2) of its mean.
    sure = SURE * noise * torch.sqrt(2 / values)
    shown = torch.nonzero(excess > torch.maximum(sure, LEAST_EXCESS * excess.max())).flatten()
    return int(shown.max()) + 1 if len(shown) else len(variance)


def window(radius_angstrom: float, margin_angstrom: float, grid: Grid) -> Grid:
    """Middle part of a grid that holds a molecule of this extent, in pixels of the same size."""
    pixels = 2 * int((radius_angstrom + margin_angstrom) / grid.pixel_angstrom + 1)
    if pixels >= grid.pixels:
        return grid
    return Grid(pixels, pixels * grid.pixel_angstrom)
