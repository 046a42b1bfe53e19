"""A calibration survives being written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_scans import MadeUpScan, made_up_frames

from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.calibration.camera_length import CameraLength
from diffragan.acquisition.calibration.detector_calibration import frame_centres
from diffragan.acquisition.calibration.stored import (
    read_calibration,
    to_arrays,
    write_calibration,
)
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.arrays import write_arrays


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path) -> None:
    truth = made_up_frames()
    made = calibrate(MadeUpScan(truth.frames.astype(np.uint16)), ScanSettings(), sample_frames=48)
    for calibration in (made, replace(made, camera=CameraLength(0.3, 0.3, 0.01, "gold", 4))):
        write_calibration(calibration, tmp_path / "detector.npz")
        again = read_calibration(tmp_path / "detector.npz")
        (first, notes), (second, other) = to_arrays(calibration), to_arrays(again)
        assert first.keys() == second.keys()
        assert all(np.array_equal(first[name], second[name]) for name in first)
        assert notes == other
    block = torch.from_numpy(truth.frames[:9]).float()
    centres = [frame_centres(block, np.arange(9), c).centres for c in (made, again)]
    assert torch.equal(*centres)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_calibration(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("text")
    with pytest.raises(InputError, match="damaged"):
        read_calibration(tmp_path / "text.npz")
    write_arrays(tmp_path / "other.npz", {"a": np.zeros(2)}, {"kind": "other"})
    with pytest.raises(InputError, match="no calibration"):
        read_calibration(tmp_path / "other.npz")
