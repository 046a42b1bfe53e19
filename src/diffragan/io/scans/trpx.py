"""Scans in TRPX, a packed format made for electron diffraction.

It is read without pyterse, its makers' package, which holds a whole file in memory and unpacks the
last pixels of some frames wrongly (see `terse.py`).
"""

import re
from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.reading import readable, size_of
from diffragan.io.scans.scan import Frames, ScanInfo
from diffragan.io.scans.terse import TerseFormat, unpack

MAGIC = b"<Terse "
HEADER_STEP_BYTES = 65_536
LONGEST_HEADER_BYTES = 100_000_000
"""The header lists the length of every frame."""
ATTRIBUTE = re.compile(rb'(\w+)="([^"]*)"')
WHOLE_BITS = (8, 16, 32, 64)


class TrpxScan:
    """A scan in one TRPX file."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        del given
        header, data_start = _header(path)
        self._format = TerseFormat(
            values=_number(path, header, "number_of_values"),
            block=_number(path, header, "block"),
            bits=_number(path, header, "prolix_bits"),
            signed=header.get("signed") == "1",
        )
        frames = _numbers(header, "number_of_frames") or [1]
        lengths = _numbers(header, "memory_sizes_of_frames")
        if frames[0] == 1:
            lengths = [_number(path, header, "memory_size")]
        if len(lengths) != frames[0]:
            raise InputError(
                f"{path}: does not list the length of each packed frame, as early files; open it "
                "with pyterse and save it again"
            )
        start = data_start + sum(_numbers(header, "metadata_string_sizes"))
        self._starts = start + np.cumsum([0, *lengths])
        width = next((bits for bits in WHOLE_BITS if self._format.bits <= bits), 64)
        dtype = np.dtype(f"{'i' if self._format.signed else 'u'}{width // 8}")
        shape = _frame_shape(path, header, self._format.values)
        self.info = ScanInfo(path, "TRPX", None, shape, dtype, ScanSettings())

    def available(self) -> int:
        """Count the frames that are whole."""
        written = size_of(self.info.path)
        return int(np.searchsorted(self._starts[1:], written, side="right"))

    def read(self, first: int, last: int) -> Frames:
        """Read and unpack frames."""
        path, begin = self.info.path, int(self._starts[first])
        with readable(path), path.open("rb") as file:
            file.seek(begin)
            packed = file.read(int(self._starts[last]) - begin)
        try:
            values = unpack(packed, self._starts[first : last + 1] - begin, self._format)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        return values.astype(self.info.dtype).reshape(-1, *self.info.frame_shape)


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the attributes of the header, and the byte behind it."""
    with readable(path), path.open("rb") as file:
        read = b""
        while b"/>" not in read:
            more = file.read(HEADER_STEP_BYTES)
            read += more
            if not more or len(read) > LONGEST_HEADER_BYTES:
                raise InputError(f"{path}: its header does not end; copy the file again")
    begin = read.index(MAGIC)
    end = read.index(b"/>", begin) + 2
    found = ATTRIBUTE.findall(read[begin:end])
    return {name.decode(): value.decode("latin-1") for name, value in found}, end


def _numbers(header: dict[str, str], name: str) -> list[int]:
    words = header.get(name, "").split()
    return [int(word) for word in words if word.isdigit()]


def _number(path: Path, header: dict[str, str], name: str) -> int:
    numbers = _numbers(header, name)
    if len(numbers) != 1 or numbers[0] < 1:
        raise InputError(f"{path}: its header tells no {name}; it is damaged")
    return numbers[0]


def _frame_shape(path: Path, header: dict[str, str], values: int) -> tuple[int, int]:
    """Return rows and columns; a square where the header is silent."""
    sides = _numbers(header, "dimensions") or [round(values**0.5)] * 2
    if len(sides) != 2 or sides[0] * sides[1] != values:
        raise InputError(
            f"{path}: its frames of {values} values have {sides} pixels; two sides fit"
        )
    return sides[0], sides[1]
