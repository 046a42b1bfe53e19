"""The camera length by the Bragg spots of crystalline ice."""

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.acquisition.calibration.camera_length import (
    LARGEST_ERROR,
    CameraLength,
    camera_length_by_spots,
)
from diffragan.acquisition.calibration.crystal_spots import spot_radii
from diffragan.acquisition.calibration.ring_spacings import KNOWN
from diffragan.electron import Electron

ELECTRON = Electron(200)
TRUE, NOMINAL = 0.211, 0.209
LINES = np.array([ELECTRON.angle_mrad(1 / d) for d in KNOWN["ice"].spacings_angstrom])


def _radii(random: np.random.Generator, frames: int = 40, stray: int = 2) -> list[NDArray]:
    """Spots on lines, to a sixth of a pixel, and some that lie anywhere."""
    return [
        np.concatenate(
            [
                random.choice(LINES, 5) / TRUE + random.normal(0, 0.15, 5),
                random.uniform(25, 65, stray),
            ]
        )
        for _ in range(frames)
    ]


def test_spots_on_the_lines_of_ice_give_the_camera_length() -> None:
    camera = camera_length_by_spots(_radii(np.random.default_rng(3)), ELECTRON, NOMINAL)
    assert camera is not None
    assert camera.mrad_per_pixel == pytest.approx(TRUE, rel=0.001)
    assert abs(camera.mrad_per_pixel - TRUE) < 3 * camera.error
    assert camera.used_mrad_per_pixel == camera.mrad_per_pixel
    assert "which is taken" in str(camera.warning)


@pytest.mark.parametrize("frames", [0, 5, 200])
def test_spots_that_lie_anywhere_give_none(frames: int) -> None:
    random = np.random.default_rng(4)
    radii = [random.uniform(25, 65, 8) for _ in range(frames)]
    assert camera_length_by_spots(radii, ELECTRON, NOMINAL) is None


def test_few_spots_give_none() -> None:
    assert camera_length_by_spots(_radii(np.random.default_rng(5), 6, 0), ELECTRON, NOMINAL) is None


def test_what_is_known_badly_does_not_replace_what_was_given() -> None:
    camera = CameraLength(NOMINAL, 1.1 * NOMINAL, 1.1 * LARGEST_ERROR * NOMINAL, "ice", 3)
    assert camera.used_mrad_per_pixel == NOMINAL
    assert "the given one is taken" in str(camera.warning)
    assert CameraLength(NOMINAL, NOMINAL, 0.001, "ice", 3).warning is None


def test_spots_of_a_frame_are_found_to_a_fifth_of_a_pixel_beside_bad_pixels() -> None:
    random = np.random.default_rng(6)
    centre, shape = np.array([63.3, 64.6]), (128, 128)
    places = [(33.2, 64.1), (80.4, 91.7), (63.9, 101.5)]
    rows, columns = np.indices(shape)
    expected = 2 + 30 * np.exp(-((np.hypot(rows - centre[0], columns - centre[1]) - 34) ** 2) / 72)
    for row, column in places:
        expected += 150 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 0.7**2))
    counts = random.poisson(expected).astype(float)
    good = np.ones(shape, dtype=np.bool_)
    good[20, 20], counts[20, 20] = False, 1e6
    found = np.sort(spot_radii(counts, centre, good, np.eye(2), 25.0))
    true = np.sort([np.hypot(row - centre[0], column - centre[1]) for row, column in places])
    assert found == pytest.approx(true, abs=0.2)


def test_an_empty_frame_has_no_spots() -> None:
    good = np.ones((64, 64), dtype=np.bool_)
    assert len(spot_radii(np.zeros((64, 64)), np.array([32.0, 32.0]), good, np.eye(2), 10.0)) == 0
