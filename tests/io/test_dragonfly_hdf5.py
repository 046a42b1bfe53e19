"""Dragonfly's HDF5 files: detector, first model, and what an iteration found."""

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.errors import InputError, MissingExtraError
from diffragan.io.dragonfly_hdf5 import (
    EmcDetector,
    model_voxels,
    read_detector,
    read_output,
    write_detector,
    write_model,
)
from diffragan.rotations import matrix_from_quaternion

GENERATOR = np.random.default_rng(1)
DETECTOR = EmcDetector(
    GENERATOR.normal(size=(7, 3)),
    np.linspace(1, 2, 7),
    np.array([0, 0, 1, 2, 0, 0, 1], np.uint8),
    500.0,
    250.0,
)


def voxels_from_pixels(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn pixels into the cube as the program does: the transpose of the usual matrix."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
            [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
            [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_a_detector_comes_back(tmp_path: Path) -> None:
    write_detector(tmp_path / "detector.h5", DETECTOR)
    found = read_detector(tmp_path / "detector.h5")
    for name in ("points_voxels", "correction", "mask"):
        assert np.array_equal(getattr(found, name), getattr(DETECTOR, name))
    assert (found.distance_pixels, found.ewald_radius_voxels) == (500.0, 250.0)
    assert found.mask.dtype == np.uint8
    with h5py.File(tmp_path / "detector.h5") as file:
        assert set(file) == {"qx", "qy", "qz", "corr", "mask", "detd", "ewald_rad"}


def test_the_cube_holds_the_farthest_pixel() -> None:
    assert model_voxels(np.array([[3.0, 4.0, 0.5], [1.0, 0.0, 0.0]])) == 15


def test_an_output_is_read_in_our_axes_and_frame(tmp_path: Path) -> None:
    cube = GENERATOR.uniform(size=(5, 5, 5))
    quaternions = GENERATOR.normal(size=(6, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    chosen = np.array([4, 0, 5])
    with h5py.File(tmp_path / "output_001.h5", "w") as file:
        file["intens"], file["inter_weight"] = cube[None], np.ones((1, 5, 5, 5))
        file["orientations"] = chosen
        file["quaternions"] = np.column_stack([quaternions, np.full(6, 1 / 6)])
        file["mutual_info"] = np.zeros(3)
    found = read_output(tmp_path / "output_001.h5")
    assert found.intensity[3, 2, 1] == cube[1, 2, 3]
    rotations = matrix_from_quaternion(found.quaternions)
    for rotation, quaternion in zip(rotations, quaternions[chosen], strict=True):
        assert np.allclose(rotation.T, voxels_from_pixels(quaternion))


def test_a_model_is_written_as_one_mode_with_axes_x_y_z(tmp_path: Path) -> None:
    volume = GENERATOR.uniform(size=(3, 3, 3))
    write_model(tmp_path / "start.h5", volume)
    with h5py.File(tmp_path / "start.h5") as file:
        assert file["intens"].shape == (1, 3, 3, 3)
        assert file["intens"][0, 0, 1, 2] == volume[2, 1, 0]


def test_damaged_and_foreign_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "output_001.h5"
    with pytest.raises(InputError, match="no such file"):
        read_output(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged or not Dragonfly's"):
        read_output(path)
    write_detector(path, DETECTOR)
    with pytest.raises(InputError, match="damaged or not Dragonfly's"):
        read_output(path)
    with h5py.File(path, "w") as file:
        file["intens"] = file["inter_weight"] = np.ones((1, 3, 3, 3))
        file["orientations"], file["quaternions"] = [7], np.ones((2, 5))
        file["mutual_info"] = np.zeros(1)
    with pytest.raises(InputError, match="no 3D model with its orientations"):
        read_output(path)


def test_without_h5py_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"diffragan\[dragonfly\]"):
        write_detector(tmp_path / "detector.h5", DETECTOR)
