"""Scans that a library shows as an array of 3 or 4 axes, read by slices."""

from typing import Any, Literal, Protocol

import numpy as np

from diffragan.io.scans.reading import undamaged
from diffragan.io.scans.records import native
from diffragan.io.scans.scan import Frames, ScanInfo

Order = Literal["frames first", "frames last", "reversed"]
"""Of an array's axes: `(scan_y, scan_x, q_y, q_x)` or `(frame, q_y, q_x)`; `(q_y, q_x, frame)`; or
those of the first from the last to the first."""


class Sliceable(Protocol):
    """An array that gives parts of itself, as those of h5py, Zarr and Dask do."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        ...

    def __getitem__(self, key: Any, /) -> Any: ...


class ArrayScan:
    """A scan that lies in one array."""

    def __init__(self, info: ScanInfo, array: Sliceable, order: Order = "frames first") -> None:
        self.info = info
        self._array = array
        self._order = order
        self._shape = usual_shape(array.shape, order)

    def available(self) -> int:
        """Count the frames."""
        return int(np.prod(self._shape[:-2]))

    def read(self, first: int, last: int) -> Frames:
        """Read frames; those of several rows of the scan are read row by row."""
        with undamaged(self.info.path):
            if len(self._shape) == 3:
                return native(self._part(slice(first, last)))
            return native(np.concatenate(self._rows(first, last)))

    def _rows(self, first: int, last: int) -> list[Frames]:
        width, pieces = self._shape[1], []
        while first < last:
            row, column = divmod(first, width)
            end = min(width, column + last - first)
            pieces.append(self._part(row, slice(column, end)))
            first += end - column
        return pieces

    def _part(self, *key: int | slice) -> Frames:
        """Return frames `(frame, q_y, q_x)` of a scan's row, or from a numbered series."""
        if self._order == "frames first":
            return np.asarray(self._array[key])
        part = np.asarray(self._array[(slice(None), slice(None), *key[::-1])])
        return np.moveaxis(part, -1, 0) if self._order == "frames last" else part.T


def usual_shape(shape: tuple[int, ...], order: Order) -> tuple[int, ...]:
    """Return the shape with the frames first and then q_y and q_x."""
    if order == "frames last":
        return (*shape[2:], *shape[:2])
    return shape[::-1] if order == "reversed" else shape


def shape_of_scan(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """Return the positions along y and x, where the array has both axes."""
    return (shape[0], shape[1]) if len(shape) == 4 else None


def frame_shape_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the pixels along q_y and q_x, the last two axes."""
    return shape[-2], shape[-1]
