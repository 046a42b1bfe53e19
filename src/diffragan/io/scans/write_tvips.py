"""TVIPS's recorder files, whose header holds high tension, camera length and pixel size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.io.scans.scan import Frames
from diffragan.io.scans.scan_to_write import ScanToWrite, check_type
from diffragan.io.scans.tvips_layout import (
    DIFFRACTION_MODE,
    FILE_HEADER,
    FRAME_HEADER,
    NM_PER_UM,
    VERSION,
)


@dataclass(frozen=True, slots=True)
class _Tvips:
    ending: str = "_000.tvips"

    def check(self, job: ScanToWrite) -> None:
        check_type(job, "TVIPS", ("uint8", "uint16"))

    def start(self, job: ScanToWrite) -> bytes:
        settings = job.settings
        header = np.zeros(1, FILE_HEADER)
        header["size"] = FILE_HEADER.itemsize
        header["version"] = VERSION
        header["dimy"], header["dimx"] = job.frame_shape
        header["bitsperpixel"] = 8 * job.dtype.itemsize
        header["binx"] = header["biny"] = 1
        header["ht"] = round(settings.energy_kev or 0)
        header["magtotal"] = round(settings.camera_length_mm or 0)
        header["pixelsize"] = round(NM_PER_UM * (settings.detector_pixel_um or 0))
        header["frameheaderbytes"] = FRAME_HEADER.itemsize
        header["label"] = b"TVIPS " * 34
        return header.tobytes()

    def records(self, job: ScanToWrite, first: int, frames: Frames) -> NDArray[Any]:
        pixels = (job.dtype.newbyteorder("<"), job.frame_shape)
        found = np.zeros(len(frames), [("header", FRAME_HEADER), ("data", *pixels)])
        numbers = first + np.arange(len(frames))
        found["header"]["number"] = numbers
        found["header"]["milliseconds"] = numbers % 1000
        found["header"]["seconds"] = numbers // 1000
        found["header"]["mode"] = DIFFRACTION_MODE
        found["header"]["scan_index"] = numbers + 1
        found["data"] = frames
        return found

    def beside(self, job: ScanToWrite, path: Path) -> dict[str, str]:
        del job, path
        return {}


TVIPS = _Tvips()
