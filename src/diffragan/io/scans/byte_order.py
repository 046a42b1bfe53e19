"""Telling frames that were read with the wrong byte order by their absurd values."""

import numpy as np

from diffragan.io.scans.scan import Frames

ABSURD_SHARE = 0.5
"""Of the values that are not 0; a wrong order makes nearly all of them absurd, a right one none."""
SANE_SHARE = 0.05
LARGEST_SANE, SMALLEST_SANE = 1e15, 1e-15
"""Of numbers with a decimal point."""
LOW_BYTE = 256


def looks_swapped(frames: Frames) -> bool:
    """Say whether values are absurd as they are, and sane with their bytes the other way round.

    Counts of a few electrons become multiples of 256 or more; numbers with a decimal point become
    huge, tiny or none at all.
    """
    if frames.dtype.itemsize == 1:
        return False
    with np.errstate(invalid="ignore"):
        return (
            _absurd_share(frames) > ABSURD_SHARE and _absurd_share(frames.byteswap()) < SANE_SHARE
        )


def _absurd_share(frames: Frames) -> float:
    values = frames[frames != 0]
    if not len(values):
        return 0.0
    if np.issubdtype(frames.dtype, np.integer):
        return float(np.mean(values % LOW_BYTE == 0))
    size = np.abs(values)
    sane = np.isfinite(values) & (size < LARGEST_SANE) & (size > SMALLEST_SANE)
    return float(1 - sane.mean())
