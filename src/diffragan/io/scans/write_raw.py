"""Plain binary frames, one after another, and a YAML that says what they are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from diffragan.config.raw_scan import RawScan
from diffragan.io.scans.scan import Frames
from diffragan.io.scans.scan_to_write import ScanToWrite, check_type

KINDS = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64")


@dataclass(frozen=True, slots=True)
class _Raw:
    ending: str = ".raw"

    def check(self, job: ScanToWrite) -> None:
        check_type(job, "a raw scan", KINDS)

    def start(self, job: ScanToWrite) -> bytes:
        del job
        return b""

    def records(self, job: ScanToWrite, first: int, frames: Frames) -> NDArray[Any]:
        del first
        return np.ascontiguousarray(frames, job.dtype.newbyteorder("<"))

    def beside(self, job: ScanToWrite, path: Path) -> dict[str, str]:
        described = RawScan(
            dtype=job.dtype.name,
            frame_shape=job.frame_shape,
            scan=job.settings.model_copy(update={"shape": job.shape}),
        )
        text = yaml.safe_dump(described.model_dump(mode="json", exclude_none=True))
        return {path.with_suffix(".yaml").name: text}


RAW = _Raw()
