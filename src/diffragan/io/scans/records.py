"""Files of one record for each frame, all of one length; they may still grow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.scans.reading import readable, size_of
from diffragan.io.scans.scan import Frames

LONGEST_SIDE = 65_536
"""Of a frame; what tells of more is damaged."""


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """Where the pixels of each frame stand."""

    frame_shape: tuple[int, int]
    dtype: np.dtype[Any]
    """With the file's byte order."""
    start_bytes: int = 0
    """Before the first record, once."""
    before_bytes: int = 0
    """Of each record, before its pixels."""
    after_bytes: int = 0
    """Of each record, behind its pixels."""

    @property
    def record(self) -> np.dtype[Any]:
        """One record as a type: `header`, `data` and `rest`."""
        return np.dtype(
            [
                ("header", np.uint8, self.before_bytes),
                ("data", self.dtype, self.frame_shape),
                ("rest", np.uint8, self.after_bytes),
            ]
        )


class RecordFile:
    """The records of a file, counted and read without holding the file."""

    def __init__(self, path: Path, layout: RecordLayout) -> None:
        if max(layout.frame_shape) > LONGEST_SIDE:
            rows, columns = layout.frame_shape
            raise InputError(f"{path}: is said to have frames of {rows} x {columns} pixels")
        self.path = path
        self.layout = layout
        self._record = layout.record

    def available(self) -> int:
        """Count the records that are whole by now."""
        written = size_of(self.path) - self.layout.start_bytes
        return max(written, 0) // self._record.itemsize

    def left_over_bytes(self) -> int:
        """Return what stands behind the last whole record."""
        written = size_of(self.path) - self.layout.start_bytes
        return max(written, 0) % self._record.itemsize

    def records(self, first: int, last: int) -> NDArray[Any]:
        """Read records `first` up to, not including, `last`.

        Raises
        ------
        InputError : The file ends before.
        """
        offset = self.layout.start_bytes + first * self._record.itemsize
        with readable(self.path):
            found = np.fromfile(self.path, self._record, last - first, offset=offset)
        if len(found) != last - first:
            raise InputError(f"{self.path}: ends within frame {first + len(found) + 1}")
        return found

    def read(self, first: int, last: int) -> Frames:
        """Read the pixels of records, in the processor's byte order."""
        return native(self.records(first, last)["data"])


def native(frames: NDArray[Any]) -> Frames:
    """Return frames in one piece and in the processor's byte order."""
    return np.ascontiguousarray(frames, frames.dtype.newbyteorder("="))
