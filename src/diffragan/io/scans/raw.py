"""Plain binary frames, one after another, and the YAML beside them that says what they are."""

from pathlib import Path

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.config.load import load_raw_scan
from diffragan.errors import ConfigError, InputError
from diffragan.io.scans.reading import readable
from diffragan.io.scans.records import RecordFile, RecordLayout
from diffragan.io.scans.scan import Frames, ScanInfo

SAMPLE = "kind: raw-scan, dtype: uint16, frame_shape: [256, 256]"
KIND = "raw-scan"


class RawFileScan:
    """A scan of plain binary frames."""

    def __init__(self, path: Path, given: ScanSettings) -> None:
        del given
        beside = description_of(path)
        if beside is None:
            raise InputError(
                f"{path}: is of no format this program knows; if it holds plain binary frames, put "
                f"{path.with_suffix('.yaml').name} beside it, with `{SAMPLE}`"
            )
        described = load_raw_scan(beside)
        if min(described.frame_shape) < 1:
            raise ConfigError(f"{beside}: frame_shape needs at least one pixel along each axis")
        dtype = np.dtype(described.dtype).newbyteorder(described.byte_order)
        layout = RecordLayout(
            described.frame_shape,
            dtype,
            described.header_bytes,
            described.gap_before_bytes,
            described.gap_after_bytes,
        )
        self._file = RecordFile(path, layout)
        self.big_endian = described.byte_order == "big"
        scan = described.scan
        self.info = ScanInfo(
            path, "raw", scan.shape, described.frame_shape, dtype.newbyteorder("="), scan
        )

    def available(self) -> int:
        """Count the frames that are whole by now."""
        return self._file.available()

    def left_over_bytes(self) -> int:
        """Return what stands behind the last whole frame."""
        return self._file.left_over_bytes()

    def read(self, first: int, last: int) -> Frames:
        """Read frames."""
        return self._file.read(first, last)


def description_of(path: Path) -> Path | None:
    """Return the YAML beside a file that describes it as plain binary, if there is one."""
    for ending in (".yaml", ".yml"):
        beside = path.with_suffix(ending)
        if beside == path or not beside.is_file():
            continue
        with readable(beside):
            if KIND in beside.read_text(errors="replace"):
                return beside
    return None
