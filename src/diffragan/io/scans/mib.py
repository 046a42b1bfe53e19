"""Merlin's MIB files: before each frame a line of text, then its pixels, high byte first.

Rows come as they stand in the file; RosettaSciIO turns them upside down, which
`detector_flipped_y` does here.

Source: Quantum Detectors, Merlin manual, "File format" (written anew from the layout).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.reading import readable, start_of
from diffragan.io.scans.records import RecordFile, RecordLayout, native
from diffragan.io.scans.scan import Frames, ScanInfo

MAGIC = b"MQ1,"
STREAM_MAGIC = b"MPX,"
"""Before each header of what was saved as it came over the network."""
LONGEST_HEADER_BYTES = 4096
TYPES = {"U08": "u1", "U16": ">u2", "U32": ">u4"}
MIDDLE_GAP = "G"
"""Behind a layout as `2x2`, where the pixels between the chips have a place in the frame."""


@dataclass(frozen=True, slots=True)
class MibHeader:
    """What stands before each frame."""

    header_bytes: int
    frame_shape: tuple[int, int]
    depth: str
    """`U08`, `U16`, `U32`, or `R64` where the chips' bits were not put in order."""
    chips: str
    """How they lie, as `1x1`, `2x2` or `2x2G`."""
    counter_bits: int | None


class MibScan:
    """A scan in one MIB file."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        header = read_header(path)
        if header.depth not in TYPES:
            raise InputError(
                f"{path}: holds raw bits of the chips ({header.depth}); let Merlin write U08, U16 "
                "or U32, or turn it into one with its maker's program"
            )
        dtype = np.dtype(TYPES[header.depth])
        self._file = RecordFile(
            path, RecordLayout(header.frame_shape, dtype, before_bytes=header.header_bytes)
        )
        bits = header.counter_bits
        found, notes = found_settings(
            given,
            shape=_shape(path),
            counts_per_electron=1.0,
            offset_counts=0.0,
            saturation_counts=None if bits is None else float(2**bits - 1),
        )
        shape, frame_shape = found.shape, header.frame_shape
        self.info = ScanInfo(
            path, "MIB", shape, frame_shape, dtype.newbyteorder("="), found, notes
        )  # fmt: skip

    def available(self) -> int:
        """Count the frames that are whole by now."""
        return self._file.available()

    def left_over_bytes(self) -> int:
        """Return what stands behind the last whole frame."""
        return self._file.left_over_bytes()

    def read(self, first: int, last: int) -> Frames:
        """Read frames, each with its header where it should be."""
        records = self._file.records(first, last)
        starts = records["header"][:, : len(MAGIC)]
        wrong = np.flatnonzero((starts != np.frombuffer(MAGIC, np.uint8)).any(axis=1))
        if len(wrong):
            raise InputError(
                f"{self.info.path}: where frame {first + int(wrong[0]) + 1} should begin, no "
                "header stands; its frames vary in size, or it is damaged"
            )
        return native(records["data"])


def read_header(path: Path) -> MibHeader:
    """Read the header of the first frame.

    Raises
    ------
    InputError : It is none, or has been cut.
    """
    start = start_of(path, LONGEST_HEADER_BYTES)
    if start.startswith(STREAM_MAGIC):
        raise InputError(
            f"{path}: is Merlin's network stream as it came; save it as MIB, or describe it by a "
            "YAML beside it as plain binary with gaps"
        )
    fields = start.decode("latin-1").split(",")
    try:
        header_bytes = int(fields[2])
        width, height = int(fields[4]), int(fields[5])
        depth, chips = fields[6].strip(), fields[7].strip()
    except (IndexError, ValueError):
        raise InputError(f"{path}: has no whole MIB header; copy the file again") from None
    if min(width, height, header_bytes) < 1:
        raise InputError(f"{path}: its header tells of {width} x {height} pixels; it is damaged")
    return MibHeader(
        header_bytes, (height, width), depth, chips, _counter_bits(start, header_bytes)
    )


def _counter_bits(start: bytes, header_bytes: int) -> int | None:
    """Return the bits of the counter, the third field of the part that `MQ1A` opens."""
    fields = start[:header_bytes].decode("latin-1").split(",")
    try:
        return int(fields[fields.index("MQ1A") + 3])
    except (ValueError, IndexError):
        return None


def _shape(path: Path) -> tuple[int, int] | None:
    """Return the positions along y and x by the `.hdr` beside, if each row was a trigger."""
    beside = path.with_suffix(".hdr")
    if not beside.is_file():
        return None
    with readable(beside):
        lines = beside.read_text(encoding="latin-1").splitlines()
    written = dict(line.split(":", 1) for line in lines if ":" in line)
    try:
        frames = int(written["Frames in Acquisition (Number)"])
        row = int(written["Frames per Trigger (Number)"])
    except (KeyError, ValueError):
        return None
    # One trigger for each frame, or for all of them, tells nothing of rows.
    return (frames // row, row) if 1 < row < frames and frames % row == 0 else None
