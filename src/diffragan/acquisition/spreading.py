"""Counts moved onto another grid, which stay counts.

An electron that was counted in a pixel fell anywhere in it. So each is put at a random place of its
pixel, moved, and counted in the pixel of the other grid that it falls into: thinning and displacing
a Poisson process leaves it Poisson, and pixels stay independent of each other. Interpolation would
leave numbers that are neither.

Source: Kingman, Poisson Processes (1993), secs. 5.1 (colouring) and 5.5 (displacement).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""`(n, 2)`, row and column; pixel i reaches from i - 1/2 to i + 1/2."""
Move = Callable[[Points], Points]
"""Rows and columns of the other grid, of rows and columns of this one."""
MOST_SINGLY = 30_000_000
"""More electrons than these, seconds of work, are not moved one by one, but by parts of a pixel."""
SINGLY_AT_ONCE = 1_000_000
PARTS = 8
"""Parts of a pixel's side. Where a move stretches, some pixels get a row of parts more than others:
with an ellipticity of 1 % 1,000 electrons a pixel scatter by 1.5 times what counts do."""
PIXELS_AT_ONCE = 8192


def spread_counts(
    counts: NDArray[np.integer],
    move: Move,
    shape: tuple[int, int],
    generator: np.random.Generator,
) -> NDArray[np.uint32]:
    """Count electrons again, on another grid.

    Parameters
    ----------
    counts : `(row, column)`, whole numbers of electrons.
    move : From the one grid to the other.
    shape : Of the other grid; what falls outside is lost.
    generator : Places the electrons in their pixels.
    """
    rows, columns = np.nonzero(counts)
    values = counts[rows, columns].astype(np.int64)
    pixels = np.stack([rows, columns], axis=-1).astype(np.float64)
    total = np.zeros(shape, np.int64)
    if values.sum() <= MOST_SINGLY:
        turns = np.cumsum(values) // SINGLY_AT_ONCE
        for part in np.split(np.arange(len(values)), np.flatnonzero(np.diff(turns)) + 1):
            electrons = np.repeat(pixels[part], values[part], axis=0)
            electrons += generator.random(electrons.shape) - 0.5
            _count(total, move(electrons), None)
        return total.astype(np.uint32)
    offsets, shares = _parts(), np.full(PARTS**2, PARTS**-2.0)
    for first in range(0, len(pixels), PIXELS_AT_ONCE):
        some = pixels[first : first + PIXELS_AT_ONCE]
        divided = generator.multinomial(values[first : first + PIXELS_AT_ONCE], shares)
        _count(total, move((some[:, None] + offsets).reshape(-1, 2)), divided.ravel())
    return total.astype(np.uint32)


def spread_values(
    values: NDArray[np.floating], move: Move, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Move what is not counted: each part of a pixel takes its share along.

    Parameters
    ----------
    values, move, shape : As `spread_counts` takes them, but for any real values.
    """
    rows, columns = np.nonzero(values)
    pixels = np.stack([rows, columns], axis=-1).astype(np.float64)
    total = np.zeros(shape)
    offsets = _parts()
    for first in range(0, len(pixels), PIXELS_AT_ONCE):
        chosen = slice(first, first + PIXELS_AT_ONCE)
        shares = np.repeat(values[rows[chosen], columns[chosen]] / PARTS**2, PARTS**2)
        _count(total, move((pixels[chosen, None] + offsets).reshape(-1, 2)), shares)
    return total.astype(np.float32)


def pixels_reached(bad: NDArray[np.bool_], move: Move, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels of the other grid that some part of a bad pixel falls into."""
    return spread_values(bad.astype(np.float64), move, shape) > 0


def pixels_inside(
    back: Move, shape: tuple[int, int], source_shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pixels of the other grid that lie wholly on this one.

    Parameters
    ----------
    back : From the other grid to this one.
    shape, source_shape : Of the other grid, and of this one.
    """
    edges = np.meshgrid(*(np.arange(n + 1) - 0.5 for n in shape), indexing="ij")
    corners = back(np.stack([edge.ravel() for edge in edges], axis=-1))
    limits = np.array(source_shape) - 0.5
    # A millionth of a pixel is rounding.
    held = ((corners >= -0.5 - 1e-6) & (corners <= limits + 1e-6)).all(-1)
    held = held.reshape(shape[0] + 1, shape[1] + 1)
    return np.asarray(held[:-1, :-1] & held[1:, :-1] & held[:-1, 1:] & held[1:, 1:])


def _parts() -> Points:
    """Middles of the parts of a pixel, seen from its own."""
    axis = (np.arange(PARTS) + 0.5) / PARTS - 0.5
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)


def _count(total: NDArray[Any], places: Points, weights: NDArray[Any] | None) -> None:
    """Add what lies at places of a grid to its pixels."""
    index = np.floor(places + 0.5).astype(np.int64)
    inside = ((index >= 0) & (index < np.array(total.shape))).all(-1)
    flat = index[inside, 0] * total.shape[1] + index[inside, 1]
    chosen = None if weights is None else weights[inside]
    added = np.bincount(flat, weights=chosen, minlength=total.size).reshape(total.shape)
    total += added.astype(total.dtype)
