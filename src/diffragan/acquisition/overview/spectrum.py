"""The power spectrum of an image, in rings and sectors."""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Values = NDArray[np.float64]

TILE_ANGSTROM = 1000.0
"""Side of the tiles whose spectra are averaged: it tells the rings of 30,000 Å apart."""
TILE_PIXELS = (128, 1024)
SECTORS = 8
LEAST_SHARE = 0.4
"""Of a tile that is used, to count."""
HANN_CORRELATION = 1.5
"""Equivalent noise bandwidth of a Hann window: neighbouring samples of a spectrum are not
independent by that factor along each axis. Harris, Proc. IEEE 66 (1978) 51, table 1."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Mean power of the contrast, relative to that of counting noise."""

    frequency: Values
    """`(ring,)` [1/Å]."""
    sector_rad: Values
    """`(sector,)`, middle of each sector from x to y, the opposite one included [rad]."""
    power: Values
    """`(sector, ring)`: 1 where there is nothing but counting noise."""
    variance: Values
    """`(sector, ring)`, of `power`."""


def power_spectrum(
    electrons: NDArray[np.float32],
    pixel_angstrom: float,
    excluded: NDArray[np.bool_] | None = None,
) -> Spectrum:
    """Average the spectra of half-overlapping tiles, each of the same weight.

    A tile's spectrum is divided by its whole power in excess of counting noise, or the few that
    show carbon or crystals would drown the others.

    Parameters
    ----------
    electrons : `(y, x)`, counted.
    pixel_angstrom : Edge of a pixel [Å].
    excluded : `(y, x)`, pixels that shall not count; tiles that hold mostly such ones are left
        out, unless there are no others.
    """
    side = _tile_pixels(electrons.shape, pixel_angstrom)
    window = np.outer(np.hanning(side + 1)[:-1], np.hanning(side + 1)[:-1])
    window /= np.sqrt((window**2).mean())
    total, weights, squares = np.zeros((side, side // 2 + 1)), 0.0, 0.0
    for rows in _starts(electrons.shape[0], side):
        for columns in _starts(electrons.shape[1], side):
            place = slice(rows, rows + side), slice(columns, columns + side)
            tile = electrons[place].astype(np.float64)
            used = np.ones_like(tile) if excluded is None else 1.0 - excluded[place]
            share = float((window**2 * used).mean())
            mean = float((tile * used).sum()) / max(float(used.sum()), 1.0)
            if share < LEAST_SHARE or mean <= 0:
                continue
            # Divided by the mean count, the power of Poisson noise is 1.
            seen = scipy.fft.rfft2((tile - mean) * used * window)
            power = np.abs(seen) ** 2 / (mean * share * side**2)
            weight = share / max(float(np.median(power)), 1.0) / max(float(power.mean()), 1.0)
            total += weight * power
            weights, squares = weights + weight, squares + weight**2
    if weights == 0 and excluded is not None:
        return power_spectrum(electrons, pixel_angstrom)
    # Half-overlapping Hann tiles are nearly independent: 1/36 of their power is shared.
    tiles = max(weights**2 / squares, 1.0) if weights > 0 else 1.0
    return _in_rings(total / max(weights, 1e-300), pixel_angstrom, tiles)


def _tile_pixels(shape: tuple[int, ...], pixel_angstrom: float) -> int:
    wanted = min(max(TILE_ANGSTROM / pixel_angstrom, TILE_PIXELS[0]), TILE_PIXELS[1])
    side = int(scipy.fft.next_fast_len(int(wanted), real=True))
    return min(side + side % 2, min(shape) // 2 * 2)


def _starts(length: int, side: int) -> NDArray[np.int64]:
    number = max(1, -(-2 * (length - side) // side) + 1)
    return np.linspace(0, length - side, number).astype(np.int64)


def _in_rings(power: Values, pixel_angstrom: float, tiles: float) -> Spectrum:
    """Mean of `(q_y, q_x >= 0)` over rings one sample wide in each sector."""
    side = power.shape[0]
    q_y = scipy.fft.fftfreq(side)[:, None] * side
    q_x = np.arange(power.shape[1])[None, :]
    ring = np.round(np.hypot(q_y, q_x)).astype(int)
    sector = np.floor((np.arctan2(q_y, q_x) % np.pi) / np.pi * SECTORS).astype(int) % SECTORS
    rings = side // 2
    # The column q_x = 0 holds each of its samples twice, and zero frequency is no ring.
    inside = (ring > 0) & (ring < rings) & ~((q_x == 0) & (q_y < 0))
    label = (sector * rings + ring)[inside]
    number = np.bincount(label, minlength=SECTORS * rings)
    summed = np.bincount(label, power[inside], minlength=SECTORS * rings)
    mean = (summed / np.maximum(number, 1)).reshape(SECTORS, rings)
    independent = np.maximum(number.reshape(SECTORS, rings) * tiles / HANN_CORRELATION**2, 1.0)
    filled = number.reshape(SECTORS, rings) > 0
    variance = np.where(filled, mean**2 / independent, np.inf)
    keep = slice(1, None)
    return Spectrum(
        np.arange(rings)[keep] / (side * pixel_angstrom),
        (np.arange(SECTORS) + 0.5) * np.pi / SECTORS,
        mean[:, keep],
        variance[:, keep],
    )
