"""Merlin's MIB files: before each frame a line of text, then its pixels, high byte first.

Beside the file stands Merlin's `.hdr`, whose frames per trigger are the positions in a row.

Source: Quantum Detectors, Merlin manual, "File format" (written anew from the layout).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.io.scans.scan import Frames
from diffragan.io.scans.scan_to_write import ScanToWrite, check_type

HEADER_BYTES = 384
"""Of one chip."""
DEPTHS = {"uint8": "U08", "uint16": "U16", "uint32": "U32"}
COUNTER_BITS = {"uint8": 6, "uint16": 12, "uint32": 24}
FRAME_TIME = timedelta(milliseconds=1)
FLYBACK = timedelta(milliseconds=5)
"""Readers without the `.hdr` find the rows by the longer pause between them."""
START = datetime(2000, 1, 1, tzinfo=UTC)
"""The same scan gives the same bytes whenever it is written."""


@dataclass(frozen=True, slots=True)
class _Mib:
    ending: str = ".mib"

    def check(self, job: ScanToWrite) -> None:
        check_type(job, "MIB", tuple(DEPTHS))

    def start(self, job: ScanToWrite) -> bytes:
        del job
        return b""

    def records(self, job: ScanToWrite, first: int, frames: Frames) -> NDArray[Any]:
        pixels = (job.dtype.newbyteorder(">"), job.frame_shape)
        found = np.zeros(len(frames), [("header", f"S{HEADER_BYTES}"), ("data", *pixels)])
        found["header"] = [_header(job, first + i) for i in range(len(frames))]
        found["data"] = frames
        return found

    def beside(self, job: ScanToWrite, path: Path) -> dict[str, str]:
        lines = {
            "Time and Date Stamp (day, mnth, yr, hr, min, s)": f"{START:%d/%m/%Y %H:%M:%S}",
            "Chip Type (Medipix 3.0, Medipix 3.1, Medipix 3RX)": "Medipix 3RX",
            "Assembly Size (NX1, 2X2)": "   1x1",
            "Counter Depth (number)": str(COUNTER_BITS[job.dtype.name]),
            "Frames in Acquisition (Number)": str(job.frames),
            "Frames per Trigger (Number)": str(job.shape[1]),
        }
        text = "".join(f"{key}:\t{value}\n" for key, value in lines.items())
        return {path.with_suffix(".hdr").name: f"HDR,\t\n{text}End\t\n"}


def _header(job: ScanToWrite, number: int) -> bytes:
    """Return the line before a frame, numbered from 0."""
    time = START + number * FRAME_TIME + number // job.shape[1] * FLYBACK
    height, width = job.frame_shape
    seconds = FRAME_TIME.total_seconds()
    fields = [
        "MQ1", f"{number + 1:06d}", f"{HEADER_BYTES:05d}", "01", f"{width:04d}", f"{height:04d}",
        DEPTHS[job.dtype.name], "   1x1", "01", f"{time:%Y-%m-%d %H:%M:%S.%f}", f"{seconds:.6f}",
        "0", "0", "0", *["0.000000E+0"] * 8, "3RX", *["000"] * 27,
        "MQ1A", f"{time:%Y-%m-%dT%H:%M:%S.%f}Z", f"{seconds * 1e9:.0f}ns",
        str(COUNTER_BITS[job.dtype.name]), "",
    ]  # fmt: skip
    return ",".join(fields).ljust(HEADER_BYTES).encode("ascii")


MIB = _Mib()
