"""Frames in a TIFF of many pages."""

import logging
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError, MissingExtraError
from diffragan.io.scans.array_scan import frame_shape_of, shape_of_scan
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.hyperspy_layout import text
from diffragan.io.scans.reading import readable
from diffragan.io.scans.records import native
from diffragan.io.scans.scan import Frames, ScanInfo
from diffragan.io.scans.units import Quantity

MAGICS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Of plain and of large files, low byte or high byte first."""
HYPERSPY_TAGS = (65003, 65009)
"""Unit and scale of an image along x."""


class TiffScan:
    """A scan of one page for each frame, or of one array that lies in the file unpacked."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        tifffile = _tifffile()
        try:
            with readable(path):
                self._file = tifffile.TiffFile(path)
                weakref.finalize(self, self._file.close)
                series = self._file.series
                whole = series[0].dataoffset is not None and len(series) == 1
                self._array = tifffile.memmap(path, mode="r") if whole else None
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - it fails in many ways on damaged files
            raise InputError(
                f"{path}: cannot be read as TIFF; it is cut off or damaged "
                f"({' '.join(str(error).split())[:80]})"
            ) from None
        self._pages = self._file.pages
        shape = tuple(series[0].shape)
        if len(series) > 1 or len(shape) not in (2, 3, 4):
            sizes = sorted({tuple(one.shape) for one in series})
            raise InputError(
                f"{path}: holds {len(series)} series of images {sizes[:3]}; frames of one size "
                "in one series are needed"
            )
        if self._array is not None:
            self._array = self._array.reshape(-1, *shape[-2:])
        found, notes = found_settings(
            given, sampling=_sampling(self._pages[0]), shape=shape_of_scan(shape)
        )
        dtype = np.dtype(series[0].dtype).newbyteorder("=")
        self.info = ScanInfo(path, "TIFF", found.shape, frame_shape_of(shape), dtype, found, notes)

    def available(self) -> int:
        """Count the frames."""
        return len(self._pages if self._array is None else self._array)

    def read(self, first: int, last: int) -> Frames:
        """Read frames, unpacking their pages if they are packed."""
        path = self.info.path
        if self._array is not None:
            return native(self._array[first:last])
        frames: list[Any] = []
        for number in range(first, last):
            try:
                page = self._pages[number]
                fits = page.shape == self.info.frame_shape and page.dtype == self.info.dtype
                frames.append(page.asarray() if fits else None)
            except Exception as error:  # noqa: BLE001 - as above
                reason = " ".join(str(error).split())[:80]
                raise InputError(f"{path}: frame {number + 1} is damaged ({reason})") from None
            if not fits:
                raise InputError(
                    f"{path}: frame {number + 1} is of {page.shape} pixels, and the first of "
                    f"{self.info.frame_shape}; frames of one size are needed"
                )
        return native(np.stack(frames))


def _sampling(page: Any) -> Quantity | None:
    """Return the sampling of the pattern, which HyperSpy keeps in tags of its own."""
    unit, scale = (page.tags.get(tag) for tag in HYPERSPY_TAGS)
    if unit is None or scale is None:
        return None
    return Quantity(float(scale.value), text(unit.value))


def _tifffile() -> Any:
    """Import tifffile, an extra."""
    try:
        import tifffile  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(
            'scans in TIFF need tifffile; install it with `pip install "diffragan[formats]"`'
        ) from None
    # What it has to say of a damaged file is said in one line by whoever opens that.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    return tifffile
