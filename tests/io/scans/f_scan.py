"""A scan whose every axis shows when it is turned or swapped: the letter F in each frame."""

import numpy as np
from numpy.typing import NDArray

SHAPE = (3, 5)
"""Positions along y and x."""
FRAME = (18, 14)
"""Pixels along q_y and q_x; 252 values, which blocks of 12 divide."""


def letter_f(frame_shape: tuple[int, int] = FRAME) -> NDArray[np.uint16]:
    """Return a letter F that stands upright: its stem at small q_x, its arms at small q_y."""
    frame = np.zeros(frame_shape, np.uint16)
    frame[2:14, 3] = 40
    frame[2, 3:10] = 40
    frame[7, 3:8] = 40
    return frame


def scan_of_f(frame_shape: tuple[int, int] = FRAME) -> NDArray[np.uint16]:
    """Return `(scan_y, scan_x, q_y, q_x)`; the first pixel says the position, 10 y + x."""
    scan = np.broadcast_to(letter_f(frame_shape), (*SHAPE, *frame_shape)).copy()
    y, x = np.indices(SHAPE)
    scan[..., 0, 0] = 10 * y + x
    return scan
