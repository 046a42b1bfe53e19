"""A calibration as named arrays and notes, to be written beside a scan's results and read again."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.background import Background
from diffragan.acquisition.calibration.camera_length import CameraLength
from diffragan.acquisition.calibration.detector_calibration import (
    Centring,
    DetectorCalibration,
    PixelFaults,
)
from diffragan.acquisition.calibration.drift import SmoothCentres
from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.errors import InputError
from diffragan.io.arrays import read_arrays, write_arrays

Arrays = dict[str, NDArray[Any]]
KIND = "detector-calibration"
VERSION = 2
"""Of what a file holds; one of another version is made anew."""


def write_calibration(calibration: DetectorCalibration, path: Path) -> None:
    """Write a calibration as one `.npz` file.

    Raises
    ------
    OutputError : It cannot be written there.
    """
    write_arrays(path, *to_arrays(calibration))


def read_calibration(path: Path) -> DetectorCalibration:
    """Read a calibration.

    Raises
    ------
    InputError : The file is missing, damaged or holds something else.
    """
    arrays, notes = read_arrays(path)
    if notes.get("kind") != KIND:
        raise InputError(f"{path}: holds no calibration of a detector")
    try:
        return from_arrays(arrays, notes)
    except (KeyError, TypeError):
        raise InputError(
            f"{path}: is a calibration of another version of diffragan; calibrate again"
        ) from None


def to_arrays(calibration: DetectorCalibration) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays of a calibration by name, and the rest as what JSON can hold."""
    notes: dict[str, Any] = {"kind": KIND}
    arrays: Arrays = {}
    _gather(asdict(calibration), "", arrays, notes)
    return arrays, notes


def from_arrays(arrays: Arrays, notes: dict[str, Any]) -> DetectorCalibration:
    """Return the calibration that `to_arrays` took apart."""

    def part(prefix: str, tensors: bool = True) -> dict[str, Any]:
        start = prefix + "."
        found = {k[len(start) :]: v for k, v in notes.items() if k.startswith(start)}
        for name, values in arrays.items():
            if name.startswith(start) and "." not in name[len(start) :]:
                found[name[len(start) :]] = torch.from_numpy(values) if tensors else values
        return {name: value for name, value in found.items() if "." not in name}

    smooth = part("centring.smooth", tensors=False)
    smooth["shape"] = tuple(smooth["shape"])
    background = part("background")
    background["scaled_on"] = tuple(background["scaled_on"])
    plain = {k: v for k, v in notes.items() if "." not in k and k not in ("kind", "camera")}
    plain["frame_shape"], plain["warnings"] = tuple(plain["frame_shape"]), tuple(plain["warnings"])
    camera = part("camera")
    return DetectorCalibration(
        faults=PixelFaults(**part("faults")),
        centring=Centring(**part("centring"), smooth=SmoothCentres(**smooth)),
        ellipse=Ellipse(**part("ellipse")),
        camera=CameraLength(**camera) if camera else None,
        background=Background(**background),
        **plain,
    )


def _gather(values: dict[str, Any], prefix: str, arrays: Arrays, notes: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _gather(value, f"{prefix}{name}.", arrays, notes)
        elif isinstance(value, torch.Tensor):
            arrays[prefix + name] = value.cpu().numpy()
        elif isinstance(value, np.ndarray):
            arrays[prefix + name] = value
        else:
            notes[prefix + name] = value
