"""Frames as the specimen sees them, whichever way round the detector stands."""

from typing import Any

from numpy.typing import NDArray

from diffragan.config.acquisition import ScanSettings


def upright(frames: NDArray[Any], settings: ScanSettings) -> NDArray[Any]:
    """Undo the detector's transposition, then its flips; a view, nothing is copied.

    Parameters
    ----------
    frames : `(..., rows, columns)`, as the file has them.

    Returns
    -------
    `(..., q_y, q_x)`: q_y grows with the row, q_x with the column.
    """
    turned = frames.swapaxes(-1, -2) if settings.detector_transposed else frames
    if settings.detector_flipped_y:
        turned = turned[..., ::-1, :]
    if settings.detector_flipped_x:
        turned = turned[..., ::-1]
    return turned


def upright_shape(frame_shape: tuple[int, int], settings: ScanSettings) -> tuple[int, int]:
    """Return the pixels of an upright frame along q_y and q_x."""
    rows, columns = frame_shape
    return (columns, rows) if settings.detector_transposed else (rows, columns)
