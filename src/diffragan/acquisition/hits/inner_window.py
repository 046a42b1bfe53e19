"""The innermost part of frames, cut out about their direct beams."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions
from diffragan.io.scans.scan import Frames

Floats = NDArray[np.floating[Any]]

END_PER_ANGSTROM = 1 / 15
"""Beyond, hardly anything of the direct beam is left [1/Å]."""
LOBES = 12
"""As many times 1 / D, where that is less: the tail falls with the third power of the angle."""


@dataclass(frozen=True, slots=True)
class InnerWindow:
    """The pixels about the middles of some frames."""

    counts: Floats
    """`(frame, y, x)` [electrons]; 0 where nothing was measured."""
    good: NDArray[np.bool_]
    """`(frame, y, x)`, where it was measured."""
    middle: NDArray[np.intp]
    """`(frame, 2)`, y and x of the window's middle in the frame [pixels]."""
    shift: Floats
    """`(frame, 2)`, from there to the direct beam [pixels]."""

    @property
    def half(self) -> int:
        """Half the side of the window, its middle left out [pixels]."""
        return int(self.counts.shape[1]) // 2

    @property
    def centre(self) -> Floats:
        """`(frame, 2)`, y and x of the direct beam in the frame [pixels]."""
        return self.middle + self.shift

    def moved(self, shift: Floats) -> "InnerWindow":
        """Return the same pixels with the direct beams elsewhere."""
        return replace(self, shift=shift)

    def offsets(self) -> tuple[Floats, Floats]:
        """Distances from the direct beam along y and x [pixels], `(frame, y)` and `(frame, x)`."""
        steps = np.arange(-self.half, self.half + 1)
        return steps - self.shift[:, :1], steps - self.shift[:, 1:]

    def __getitem__(self, chosen: NDArray[np.bool_]) -> "InnerWindow":
        """Return that of some frames."""
        return InnerWindow(
            self.counts[chosen], self.good[chosen], self.middle[chosen], self.shift[chosen]
        )


def window_end(conditions: Conditions) -> float:
    """Frequency up to which a pattern counts as a hologram [1/Å]."""
    return min(END_PER_ANGSTROM, LOBES / conditions.beam_diameter_angstrom)


def inner_window(
    frames: Frames,
    centres: NDArray[np.floating[Any]],
    conditions: Conditions,
) -> InnerWindow:
    """Cut the innermost part out of frames; what lies outside a frame was not measured.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)` [counts].
    centres : `(frame, 2)`, y and x of each direct beam [pixels].
    conditions : How they were taken.
    """
    half = max(3, ceil(window_end(conditions) / conditions.frequency_per_pixel))
    middle = np.round(centres).astype(np.intp)
    steps = np.arange(-half, half + 1)
    rows, columns = middle[:, :1] + steps, middle[:, 1:] + steps
    height, width = conditions.good.shape
    inside_y, inside_x = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    rows = rows.clip(0, height - 1)[:, :, None]
    columns = columns.clip(0, width - 1)[:, None, :]
    raw = frames[np.arange(len(frames))[:, None, None], rows, columns]
    good = inside_y[:, :, None] & inside_x[:, None, :] & conditions.good[rows, columns]
    if conditions.saturation_counts is not None:
        good &= raw < conditions.saturation_counts
    counts = (raw.astype(np.float64) - conditions.offset_counts) / conditions.counts_per_electron
    return InnerWindow(np.where(good, counts, 0.0), good, middle, centres - middle)
