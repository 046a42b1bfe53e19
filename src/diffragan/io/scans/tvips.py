"""TVIPS's recorder files, whose header holds high tension, camera length and pixel size."""

import re
from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.reading import start_of
from diffragan.io.scans.records import RecordFile, RecordLayout
from diffragan.io.scans.scan import Frames, ScanInfo
from diffragan.io.scans.tvips_layout import (
    FILE_HEADER,
    FIRST_VERSION_FRAME_HEADER_BYTES,
    SMALLEST_PIXEL_NM,
    SMALLEST_TENSION_V,
    TYPES,
)
from diffragan.io.scans.units import Quantity

PART = re.compile(r"(.*_)(\d{3})(\.tvips)", re.IGNORECASE)


class TvipsScan:
    """A scan in a series of files `NAME_000.tvips`, `NAME_001.tvips` and so on, or in one."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        header = read_header(path)
        frame_shape = int(header["dimy"]), int(header["dimx"])
        dtype = np.dtype(TYPES[int(header["bitsperpixel"])])
        before = (
            FIRST_VERSION_FRAME_HEADER_BYTES
            if header["version"] == 1
            else int(header["frameheaderbytes"])
        )
        start = int(header["size"])
        self._layouts = tuple(
            RecordLayout(frame_shape, dtype, start_bytes=offset, before_bytes=before)
            for offset in (start, 0)
        )
        found, notes = _found(header, given)
        self.info = ScanInfo(path, "TVIPS", None, frame_shape, dtype, found, notes)

    def available(self) -> int:
        """Count the frames that are whole by now, in all parts."""
        return sum(part.available() for part in self._parts())

    def left_over_bytes(self) -> int:
        """Return what stands behind the last whole frame."""
        return self._parts()[-1].left_over_bytes()

    def read(self, first: int, last: int) -> Frames:
        """Read frames, which may lie in several parts."""
        found, begin = [], 0
        for part in self._parts():
            count = part.available()
            lower, upper = max(first, begin), min(last, begin + count)
            if lower < upper:
                found.append(part.read(lower - begin, upper - begin))
            begin += count
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _parts(self) -> list[RecordFile]:
        """Return the parts that there are by now; only the first has the file's header."""
        first, others = self._layouts
        path = self.info.path
        parts = [RecordFile(path, first)]
        if (named := PART.fullmatch(path.name)) and int(named[2]) == 0:
            following = path
            while (following := path.with_name(f"{named[1]}{len(parts):03d}{named[3]}")).is_file():
                parts.append(RecordFile(following, others))
        return parts


def read_header(path: Path) -> np.void:
    """Read the header of a file or of the first of a series.

    Raises
    ------
    InputError : It is none, or tells what cannot be.
    """
    start = start_of(path, FILE_HEADER.itemsize)
    if (named := PART.fullmatch(path.name)) and int(named[2]) != 0:
        raise InputError(f"{path}: is a later part of a series; name {named[1]}000{named[3]}")
    if len(start) < FILE_HEADER.itemsize:
        raise InputError(f"{path}: has no whole TVIPS header; copy the file again")
    header: np.void = np.frombuffer(start, FILE_HEADER)[0]
    if (
        header["size"] < FILE_HEADER.itemsize
        or header["version"] not in (1, 2)
        or int(header["bitsperpixel"]) not in TYPES
        or min(int(header["dimx"]), int(header["dimy"])) < 1
    ):
        raise InputError(f"{path}: is no TVIPS file of a version this program knows, or damaged")
    return header


def _found(header: np.void, given: ScanSettings) -> tuple[ScanSettings, tuple[str, ...]]:
    tension, pixel_nm = float(header["ht"]), float(header["pixelsize"])
    length_mm, binning = float(header["magtotal"]), max(int(header["binx"]), 1)
    has_length = length_mm > 0 and pixel_nm >= SMALLEST_PIXEL_NM
    return found_settings(
        given,
        energy=Quantity(tension, "V" if tension >= SMALLEST_TENSION_V else "kV")
        if tension
        else None,
        camera_length=Quantity(length_mm, "mm") if has_length else None,
        detector_pixel=Quantity(pixel_nm * binning, "nm") if has_length else None,
    )
