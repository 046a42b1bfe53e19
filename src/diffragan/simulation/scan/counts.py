"""What the camera makes of a pattern, and what a file can hold of it."""

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.scan_simulation import CameraSettings
from diffragan.physics.camera import record
from diffragan.simulation.scan.frames import Instrument
from diffragan.typing import Patterns

COUNTER_MAX = 2.0**24 - 1
"""Largest value of a 24-bit counter, which is written as 32 bits."""
BITS: dict[str, int | None] = {"mib": 32, "tvips": 16, "empad": None, "raw": 32}
"""Of a whole number in a frame of each format; none for float32."""


def counted(
    instrument: Instrument, pattern: Patterns, exposure: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return what the camera reads, before its values are fitted into a file's type.

    Parameters
    ----------
    pattern : `(q_y, q_x)`, fractions of the incident beam.
    exposure : Incident electrons per area [e/Å2].
    """
    camera = instrument.settings.camera
    detector = camera.detector.model_copy(update={"exposure_e_per_a2": exposure})
    electrons = record(pattern, detector, instrument.maps, instrument.area_angstrom2, generator)
    read = electrons.double() * instrument.gain * camera.counts_per_electron
    if camera.offset_counts:
        read = torch.where(instrument.maps.measured, read + camera.offset_counts, 0.0)
    return np.asarray(read.numpy())


def largest_count(camera: CameraSettings) -> float:
    """Return the value at which a pixel of the camera is full."""
    return min(2.0**camera.bits - 1, camera.saturation_counts or COUNTER_MAX)


def file_type(camera: CameraSettings, format_name: str) -> tuple[np.dtype[np.generic], float]:
    """Return the type of values in a file, and the largest that a pixel can have.

    Parameters
    ----------
    format_name : Of the file; one that is not known is refused where it is written.
    """
    most = largest_count(camera)
    most_bits = BITS.get(format_name, 32)
    if most_bits is None:
        return np.dtype(np.float32), most
    bits = min(camera.bits, most_bits)
    return np.dtype(f"uint{bits}"), min(2.0**bits - 1, most)


def in_file(
    counts: NDArray[np.float64], camera: CameraSettings, dtype: np.dtype[np.generic], most: float
) -> NDArray[np.generic]:
    """Turn upright frames `(n, q_y, q_x)` into a file's values and the detector's own axes."""
    raw = counts
    if camera.flipped_x:
        raw = raw[:, :, ::-1]
    if camera.flipped_y:
        raw = raw[:, ::-1]
    if camera.transposed:
        raw = raw.swapaxes(1, 2)
    raw = np.clip(raw, 0, most)
    if np.issubdtype(dtype, np.integer):
        raw = np.rint(raw)
    return np.ascontiguousarray(raw.astype(dtype))
