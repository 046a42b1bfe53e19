"""A scan fitted to what was given of it: its shape, and what of the file agrees with it."""

from dataclasses import replace

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import ConfigError, InputError
from diffragan.io.scans.byte_order import looks_swapped
from diffragan.io.scans.folder import FolderScan
from diffragan.io.scans.known import contradictions
from diffragan.io.scans.mib import MibScan
from diffragan.io.scans.raw import RawFileScan
from diffragan.io.scans.scan import Frames, Scan
from diffragan.io.scans.shapes import check_count
from diffragan.io.scans.tvips import TvipsScan

SAMPLE_FRAMES = 8
"""How many frames tell whether the byte order is right."""


class FittedScan:
    """A scan that has as many frames as positions, and says so where it is asked for others."""

    def __init__(self, scan: Scan, given: ScanSettings, *, growing: bool) -> None:
        """Fit a scan to its settings.

        Parameters
        ----------
        growing : Whether frames may still come.

        Raises
        ------
        InputError : Frames are missing, left over, or absurd.
        """
        self._scan = scan
        self._skipped = given.first_frame or scan.info.found.first_frame
        notes = [*scan.info.warnings, *contradictions(scan.info.found, given)]
        shape = given.shape or scan.info.shape
        if given.shape and scan.info.shape and given.shape != scan.info.shape:
            file_y, file_x = scan.info.shape
            notes.append(
                f"the file says scan.shape [{file_y}, {file_x}], and {list(given.shape)} was "
                "given, which counts"
            )
        self.info = replace(scan.info, shape=shape)
        if not growing:
            notes += self._complete()
        self.info = replace(self.info, warnings=tuple(notes))
        _check_order(scan)

    def available(self) -> int:
        """Count the frames of the scan that are complete by now."""
        count = max(self._scan.available() - self._skipped, 0)
        shape = self.info.shape
        return count if shape is None else min(count, shape[0] * shape[1])

    def read(self, first: int, last: int) -> Frames:
        """Read frames `first` up to, not including, `last`.

        Raises
        ------
        InputError : They are damaged or not there.
        """
        count = self.available()
        if not 0 <= first <= last <= count:
            raise InputError(
                f"{self.info.path}: frames {first} to {last} are asked for, and {count} are there"
            )
        if first == last:
            return np.empty((0, *self.info.frame_shape), self.info.dtype)
        return self._scan.read(first + self._skipped, last + self._skipped)

    def _complete(self) -> list[str]:
        """Return lines about frames that are left over."""
        path, shape = self.info.path, self.info.shape
        count = max(self._scan.available() - self._skipped, 0)
        if isinstance(self._scan, FolderScan) and (gap := self._scan.missing_number()) is not None:
            raise InputError(f"{path}: has no file of number {gap}, though later ones are there")
        left = (
            self._scan.left_over_bytes()
            if isinstance(self._scan, MibScan | TvipsScan | RawFileScan)
            else 0
        )
        notes = []
        if left:
            whole = 0 if shape is None else shape[0] * shape[1]
            if shape is None or count < whole:
                of = "" if shape is None else f" of {whole}"
                rows = "" if shape is None else _whole_rows(count, shape)
                raise InputError(
                    f"{path}: is cut off: {count} frames{of} are whole, and {left} bytes of one "
                    f"more; copy it again{rows}"
                )
            notes.append(f"is cut off behind the scan, after {count} whole frames")
        if shape is not None:
            if note := check_count(path, shape, count):
                notes.append(note)
        elif count == 0:
            raise InputError(f"{path}: holds no whole frame; copy the scan again")
        return notes


def _whole_rows(count: int, shape: tuple[int, int]) -> str:
    rows = count // shape[1]
    return f", or give scan.shape [{rows}, {shape[1]}] for its whole rows" if rows else ""


def _check_order(scan: Scan) -> None:
    count = min(scan.available(), SAMPLE_FRAMES)
    if not count or not looks_swapped(scan.read(0, count)):
        return
    if isinstance(scan, RawFileScan):
        other = "little" if scan.big_endian else "big"
        mend = f"set byte_order: {other} in the YAML beside it"
    else:
        mend = (
            "put a YAML beside it that describes it as plain binary (kind: raw-scan), with the "
            "other byte_order"
        )
    raise ConfigError(f"{scan.info.path}: its values are absurd, as with bytes swapped; {mend}")
