"""EMPAD's raw frames of 128 x 128, each with two rows of the detector's own, and their XML."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from diffragan.constants import ANGSTROM_M, MILLI
from diffragan.electron import Electron
from diffragan.errors import ConfigError
from diffragan.io.scans.empad_layout import (
    ANGLE_PER_PIXEL,
    CAMERA_LENGTH,
    FIELD_OF_VIEW,
    HIGH_VOLTAGE,
    MEASURED,
    PIXELS,
    Q_PER_PIXEL,
    Q_UNIT_PER_ANGSTROM,
    ROWS,
)
from diffragan.io.scans.scan import Frames
from diffragan.io.scans.scan_to_write import ScanToWrite, check_type


@dataclass(frozen=True, slots=True)
class _Empad:
    ending: str = ".raw"

    def check(self, job: ScanToWrite) -> None:
        check_type(job, "EMPAD", ("float32",))
        if job.frame_shape != (PIXELS, PIXELS):
            raise ConfigError(f"EMPAD's frames have {PIXELS} x {PIXELS} pixels")

    def start(self, job: ScanToWrite) -> bytes:
        del job
        return b""

    def records(self, job: ScanToWrite, first: int, frames: Frames) -> NDArray[Any]:
        del job, first
        found = np.zeros((len(frames), ROWS, PIXELS), "<f4")
        found[:, :PIXELS] = frames
        return found

    def beside(self, job: ScanToWrite, path: Path) -> dict[str, str]:
        root = ElementTree.Element("root")
        ElementTree.SubElement(root, "raw_file", filename=path.name)
        for name, size in zip(("pix_y", "pix_x"), job.shape, strict=True):
            ElementTree.SubElement(root, name).text = str(size)
        measured = ElementTree.SubElement(root, MEASURED)
        for name, value in _measurements(job).items():
            ElementTree.SubElement(measured, name).text = value
        return {path.with_suffix(".xml").name: ElementTree.tostring(root, "unicode")}


def _measurements(job: ScanToWrite) -> dict[str, str]:
    """Return what the microscope said, as far as it is known, in SI units."""
    settings, found = job.settings, {}
    if settings.energy_kev is not None:
        found[HIGH_VOLTAGE] = repr(settings.energy_kev * 1e3)
    if settings.camera_length_mm is not None:
        found[CAMERA_LENGTH] = repr(settings.camera_length_mm * 1e-3)
    if (angle := settings.angle_per_pixel_mrad) is not None:
        found[ANGLE_PER_PIXEL] = repr(angle * MILLI)
        if settings.energy_kev is not None:
            frequency = Electron(settings.energy_kev).frequency_per_angstrom(angle)
            found[Q_PER_PIXEL] = repr(frequency / Q_UNIT_PER_ANGSTROM)
    if settings.step_angstrom is not None:
        field = [size * settings.step_angstrom * ANGSTROM_M for size in job.shape]
        found[FIELD_OF_VIEW] = repr(field)
    return found


EMPAD = _Empad()
