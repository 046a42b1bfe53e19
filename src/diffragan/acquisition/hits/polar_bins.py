"""Bins of a pattern about its centre: rings cut into arcs as large as a molecule's speckle.

A molecule of the diameter d makes speckles about 1 / d wide. A bin of that size gathers all counts
of one, and the waves that ice, much wider than a molecule, adds to it average out.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

BIN_PER_ANGSTROM = 1 / 60
"""Side of a bin: the speckle of the largest molecules (100 kDa), half that of small ones [1/Å]."""
INNER_EDGES_PER_ANGSTROM = (0.0, 1 / 120, 1 / 60, 1 / 40, 1 / 30)
"""Narrow rings where a molecule scatters most and the background is steep [1/Å]."""
END_PER_ANGSTROM = 0.9
STEPS_PER_PIXEL = 4
"""Centres are taken to a quarter of a pixel, so that 16 maps serve all frames."""

RING_EDGES_PER_ANGSTROM = np.concatenate(
    [
        INNER_EDGES_PER_ANGSTROM[:-1],
        np.arange(INNER_EDGES_PER_ANGSTROM[-1], END_PER_ANGSTROM, BIN_PER_ANGSTROM),
    ]
)
RINGS = len(RING_EDGES_PER_ANGSTROM) - 1
_MIDDLES = (RING_EDGES_PER_ANGSTROM[1:] + RING_EDGES_PER_ANGSTROM[:-1]) / 2
ARCS = 4 * np.maximum(1, np.round(pi * _MIDDLES / (2 * BIN_PER_ANGSTROM))).astype(int)
"""Arcs in each ring, a multiple of four: opposite ones pair up, and so do neighbouring pairs."""
FIRST_BIN = np.concatenate([[0], np.cumsum(ARCS)])
BINS = int(FIRST_BIN[-1])
DIRECT_BEAM_PER_ANGSTROM = 1 / 100
"""Scale at which the fall of the background, as 1 / (q^2 + q0^2), levels off [1/Å]."""


@dataclass(frozen=True, slots=True)
class PolarBins:
    """To which bin each pixel of a frame belongs."""

    index: NDArray[np.intp]
    """`(pixel)`; `BINS` where the pixel is not good or beyond the last ring."""
    pixels: NDArray[np.floating[Any]]
    """`(ring)` good pixels."""
    expected: NDArray[np.floating[Any]]
    """`(bin)` sum of the falling background over the good pixels, to any scale."""
    squares: NDArray[np.floating[Any]]
    """`(ring)` sum of its square over the good pixels."""


class BinMaker:
    """Makes the bins of frames that have one shape, scale and mask, and keeps the latest."""

    def __init__(self, good: NDArray[np.bool_], frequency_per_pixel: float) -> None:
        self._good = good
        self._frequency = frequency_per_pixel
        self.about = lru_cache(maxsize=128)(self._about)

    def bins(self, centre: NDArray[np.floating[Any]]) -> PolarBins:
        """Return the bins about a centre `(y, x)` [pixels]."""
        row, column = (int(step) for step in np.round(np.asarray(centre) * STEPS_PER_PIXEL))
        return self.about(row, column)

    def _about(self, row: int, column: int) -> PolarBins:
        """Bins about a centre given in quarters of a pixel."""
        height, width = self._good.shape
        (y, fraction_y), (x, fraction_x) = (
            divmod(row, STEPS_PER_PIXEL),
            divmod(column, STEPS_PER_PIXEL),
        )
        index, background = _bin_map(height, width, fraction_y, fraction_x, self._frequency)
        # A centre outside the frame shows the part of the map that is left.
        top, left = (min(max(n - c, 0), n) for n, c in ((height, y), (width, x)))
        place = (slice(top, top + height), slice(left, left + width))
        chosen = np.where(self._good, index[place], BINS).ravel().astype(np.intp)
        weight = background[place].ravel().astype(np.float64)
        ring = np.append(np.repeat(np.arange(RINGS), ARCS), RINGS)[chosen]
        return PolarBins(
            chosen,
            np.bincount(ring, minlength=RINGS + 1)[:RINGS].astype(np.float64),
            np.bincount(chosen, weight, minlength=BINS + 1)[:BINS].astype(np.float64),
            np.bincount(ring, weight**2, minlength=RINGS + 1)[:RINGS].astype(np.float64),
        )


@lru_cache(maxsize=STEPS_PER_PIXEL**2)
def _bin_map(
    height: int, width: int, fraction_y: int, fraction_x: int, frequency_per_pixel: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Bin and background of every pixel of a map twice as large, its centre at about its middle."""
    y = (np.arange(2 * height) - height - fraction_y / STEPS_PER_PIXEL) * frequency_per_pixel
    x = (np.arange(2 * width) - width - fraction_x / STEPS_PER_PIXEL) * frequency_per_pixel
    squared = y[:, None] ** 2 + x[None, :] ** 2
    ring = np.searchsorted(RING_EDGES_PER_ANGSTROM, np.sqrt(squared), side="right") - 1
    inside = ring < RINGS
    ring = np.minimum(ring, RINGS - 1)
    turn = np.arctan2(y[:, None], x[None, :]) / (2 * pi) + 0.5
    arc = np.minimum((turn * ARCS[ring]).astype(np.int32), ARCS[ring] - 1)
    index = np.where(inside, FIRST_BIN[ring] + arc, BINS).astype(np.int32)
    return index, (1 / (squared + DIRECT_BEAM_PER_ANGSTROM**2)).astype(np.float32)
