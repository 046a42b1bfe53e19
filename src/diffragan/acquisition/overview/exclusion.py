"""Where an image shows something else than molecules in ice: carbon, crystals, dirt."""

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from diffragan.acquisition.overview.frames import ImageFrame, Points
from diffragan.robust import MAD_TO_SIGMA

CELL_ANGSTROM = 50.0
"""About the size of a molecule: what is wider than some cells is none."""
OUTLIER_SIGMAS = 6.0
LEAST_CELLS = 8
RIM_CELLS = 1
"""Excluded around them: fringes, and edges softer than a cell."""
MEAN_CHANGE = 0.03
"""Smaller changes of the mean are the ice's thickness and the beam's own evenness."""
VARIANCE_CHANGE = 0.7
"""Of logarithms: crowded molecules change the variance, too."""


def excluded_cells(electrons: NDArray[np.float32], pixel_angstrom: float) -> NDArray[np.bool_]:
    """Mark the cells of an image whose mean or variance is far from that of most others.

    Both are judged robustly, by the median and its deviation. Single cells may be a heavy
    molecule; only connected ones are excluded, with a rim.

    Parameters
    ----------
    electrons : `(y, x)`.
    pixel_angstrom : Edge of its pixels [Å].

    Returns
    -------
    `(cell_y, cell_x)`, of `cell_pixels` pixels a side; the last cells take what is left over.
    """
    side = cell_pixels(pixel_angstrom, electrons.shape)
    rows, columns = (max(1, n // side) for n in electrons.shape)
    cells = electrons[: rows * side, : columns * side].reshape(rows, side, columns, side)
    mean = cells.mean((1, 3), dtype=np.float64)
    variance = cells.var((1, 3), dtype=np.float64)
    dark = mean < MEAN_CHANGE * np.median(mean)
    level = np.log(np.maximum(mean, 1e-9))
    # Relative to counting noise: 1 where there is nothing else.
    spread = np.log(np.maximum(variance, 1e-9) / np.maximum(mean, 1e-9))
    odd = dark | _outlying(level, MEAN_CHANGE) | _outlying(spread, VARIANCE_CHANGE)
    labels, count = scipy.ndimage.label(odd, structure=np.ones((3, 3)))
    sizes = scipy.ndimage.sum_labels(odd, labels, np.arange(1, count + 1)) if count else []
    large = np.isin(labels, 1 + np.flatnonzero(np.asarray(sizes) >= LEAST_CELLS))
    return np.asarray(scipy.ndimage.binary_dilation(large, np.ones((3, 3)), iterations=RIM_CELLS))


def cell_pixels(pixel_angstrom: float, shape: tuple[int, ...]) -> int:
    """Side of a cell [pixels]; small images have at least eight cells a side."""
    return max(4, min(round(CELL_ANGSTROM / pixel_angstrom), min(shape) // 8))


def at_pixels(
    cells: NDArray[np.bool_], side: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Read the cells that pixels lie in."""
    y = np.minimum(rows // side, cells.shape[0] - 1)
    x = np.minimum(columns // side, cells.shape[1] - 1)
    return np.asarray(cells[y, x])


def spread(cells: NDArray[np.bool_], side: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Give every pixel `(y, x)` the value of its cell."""
    rows, columns = (np.arange(n) for n in shape)
    return at_pixels(cells, side, rows[:, None], columns[None, :])


def at_cells(
    cells: NDArray[np.bool_], side_angstrom: float, frame: ImageFrame, points: Points
) -> NDArray[np.bool_]:
    """Read the cells that points x, y [Å] of the image lie in; the nearest ones outside it."""
    index = np.floor((frame.to_pixels(points) + 0.5) * frame.pixel_angstrom / side_angstrom)
    column, row = index.astype(np.int64).T
    rows, columns = cells.shape
    return np.asarray(cells[row.clip(0, rows - 1), column.clip(0, columns - 1)])


def _outlying(values: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    off = np.abs(values - np.median(values))
    return np.asarray(off > max(OUTLIER_SIGMAS * MAD_TO_SIGMA * float(np.median(off)), least))
