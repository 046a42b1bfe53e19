"""Patterns and pieces of the image as they are handed over: the right way round, still counts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration, PixelFaults
from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.acquisition.handing_over import (
    Hit,
    Making,
    direct_beam_radius,
    experiment_of,
    frame_of,
    is_whole,
    measured_by_all,
    observed,
)
from diffragan.acquisition.overview.frames import ImageFrame, crop_of
from diffragan.acquisition.pattern_grid import PatternGrid, pattern_grid, usual_centres
from diffragan.config.acquisition import AcquisitionSettings, ObservationSettings, ScanSettings
from diffragan.config.optics import LowResolutionSettings
from diffragan.electron import Electron
from diffragan.errors import ConfigError, InputError
from diffragan.io.overview_image import OverviewImage
from diffragan.io.scans.scan import Frames, ScanInfo
from made_up_scan import SETTINGS, calibration

SIDE = 48
CENTRE = np.array([25.0, 22.0])
ELECTRON = Electron(200)
ROUND = Ellipse(1.0, 0.0, 0.001)
F = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
"""Its rows grow downwards with y, as they are printed here."""


class OneFrame:
    """A scan of one frame."""

    def __init__(self, frame: NDArray[Any]) -> None:
        shape = (frame.shape[0], frame.shape[1])
        self.info = ScanInfo(Path("scan"), "made up", (1, 1), shape, frame.dtype, ScanSettings())
        self._frame = frame

    def available(self) -> int:
        return 1

    def read(self, _first: int, _last: int) -> Frames:
        return self._frame[None]


def sound(**changes: Any) -> DetectorCalibration:
    """A detector without faults, whose patterns are round."""
    good = PixelFaults(*[torch.zeros(SIDE, SIDE, dtype=torch.bool)] * 6)
    return replace(calibration((1, 1), SIDE), **({"faults": good, "ellipse": ROUND} | changes))


def grid_for(centre: NDArray[np.float64], **settings: Any) -> PatternGrid:
    wanted = ObservationSettings(**settings)
    return pattern_grid(centre[None], (SIDE, SIDE), 0.5, ELECTRON, ROUND, wanted)


def making(
    frame: NDArray[Any], image: NDArray[np.float32], settings: AcquisitionSettings, **changes: Any
) -> Making:
    cal = sound(**changes)
    grid = grid_for(CENTRE)
    optics = LowResolutionSettings(defocus_angstrom=2000, dose_e_per_a2=10)
    experiment = experiment_of(settings, grid, optics, 2.0, 0.0)
    overview = OverviewImage(Path("image"), image, 2.0, 1.0, 10.0, ())
    return Making(OneFrame(frame), settings, cal, grid, overview, experiment, 2.0)


def hit(settings: AcquisitionSettings, frame: ImageFrame, angle: float = 0.0) -> Hit:
    crop = crop_of(np.zeros(2), frame, angle, settings)
    return Hit(0, CENTRE, crop, 1.0, {"molecule": 0})


def test_a_pattern_is_centred_and_keeps_its_axes() -> None:
    frame = np.zeros((SIDE, SIDE), np.uint16)
    frame[30:35, 27:31] = 9 * F
    made = making(frame, np.ones((128, 128), np.float32), SETTINGS)
    one = hit(SETTINGS, ImageFrame((128, 128), 2.0))
    measured = measured_by_all(made, [one])
    pattern = observed(made, measured, one, frame_of(made, one))["diffraction"]
    half = made.grid.half
    assert isinstance(pattern, np.ndarray)
    assert (pattern[half + 5 : half + 10, half + 5 : half + 9] == 9 * F).all()
    assert pattern.sum() == 9 * F.sum()


def test_flips_of_the_detector_are_undone_first() -> None:
    frame = np.zeros((SIDE, SIDE), np.uint16)
    frame[30:35, 27:31] = 9 * F
    turned = frame[::-1].T
    settings = SETTINGS.model_copy(
        update={
            "scan": SETTINGS.scan.model_copy(
                update={"detector_transposed": True, "detector_flipped_y": True}
            )
        }
    )
    one = hit(settings, ImageFrame((128, 128), 2.0))
    upright = making(frame, np.ones((128, 128), np.float32), SETTINGS)
    other = making(np.ascontiguousarray(turned), upright.image.electrons, settings)
    measured = measured_by_all(upright, [one])
    first, second = (
        observed(m, measured, one, frame_of(m, one))["diffraction"] for m in (upright, other)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("angle", "flipped"), [(0.0, False), (90.0, False), (0.0, True)])
def test_a_piece_of_the_image_is_turned_into_the_detectors_frame(
    angle: float, flipped: bool
) -> None:
    """The molecule's F stands upright whichever way the image lay.

    With the image's x axis turned by 90 degrees from x to y against the scan's, what lies along
    the scan's x lies along minus y in the image.
    """
    specimen = np.full((129, 129), 1e6, np.float32)
    specimen[64 + 4 : 64 + 9, 64 + 6 : 64 + 10] += 4e6 * F  # y 8 to 16 Å, x 12 to 18 Å
    image = np.rot90(specimen, 1) if angle else specimen
    image = image[::-1] if flipped else image
    settings = SETTINGS.model_copy(
        update={"overview": SETTINGS.overview.model_copy(update={"image_flipped_y": flipped})}
    )
    frame = ImageFrame((129, 129), 2.0, flipped)
    made = making(np.ones((SIDE, SIDE), np.uint16), np.ascontiguousarray(image), settings)
    one = hit(settings, frame, angle)
    counts = observed(made, measured_by_all(made, [one]), one, frame_of(made, one))[
        "low_resolution"
    ]
    assert isinstance(counts, np.ndarray)
    pixel = made.experiment.image_grid.pixel_angstrom
    counts = counts - 1e6 * pixel**2 / 4
    middle = made.experiment.image_pixels // 2
    rows, columns = np.indices(counts.shape)
    y, x = (rows - middle) * pixel, (columns - middle) * pixel
    assert float((counts * y).sum() / counts.sum()) == pytest.approx(
        _mean(4 + np.arange(5), 1), abs=0.3
    )
    assert float((counts * x).sum() / counts.sum()) == pytest.approx(
        _mean(6 + np.arange(4), 0), abs=0.3
    )
    skew = float((counts * (x - 15) * (y - 11)).sum() / counts.sum())
    assert skew == pytest.approx(_skew(), abs=1.5)


def _mean(places: NDArray[np.int64], axis: int) -> float:
    """Mean place of the F along an axis [Å]: its rows for y, its columns for x."""
    weights = F.sum(1) if axis == 1 else F.sum(0)
    return float((weights * places).sum() / weights.sum() * 2.0)


def _skew() -> float:
    rows, columns = np.indices(F.shape)
    x, y = (columns + 6) * 2.0 - 15, (rows + 4) * 2.0 - 11
    return float((F * x * y).sum() / F.sum())


def test_bad_pixels_and_the_direct_beam_are_not_measured() -> None:
    faults = [torch.zeros(SIDE, SIDE, dtype=torch.bool) for _ in range(6)]
    faults[0][30, 30] = True
    made = making(
        np.ones((SIDE, SIDE), np.uint16), np.ones((128, 128), np.float32), SETTINGS,
        faults=PixelFaults(*faults),
    )  # fmt: skip
    one = hit(SETTINGS, ImageFrame((128, 128), 2.0))
    measured = measured_by_all(made, [one, replace(one, centre=CENTRE + 0.5)])
    half = made.grid.half
    assert not measured[half, half]
    assert not measured[half + 4 : half + 6, half + 7 : half + 9].all()
    assert measured[half - 8, half - 8]


def test_the_box_is_the_inverse_of_the_sampling_or_a_whole_part() -> None:
    whole = 1 / ELECTRON.frequency_per_angstrom(0.5)
    assert grid_for(CENTRE).box_angstrom == pytest.approx(whole)
    half = grid_for(CENTRE, box_angstrom=whole / 2)
    assert (half.binning, half.box_angstrom) == (2, pytest.approx(whole / 2))
    with pytest.raises(ConfigError, match="makes boxes of"):
        grid_for(CENTRE, box_angstrom=0.8 * whole)


def test_an_angle_that_frames_do_not_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_angle_mrad"):
        grid_for(CENTRE, max_angle_mrad=20)
    with pytest.raises(InputError, match="are the least"):
        grid_for(np.array([2.0, 2.0]))


def test_the_experiment_has_the_pixels_of_the_grid() -> None:
    grid = grid_for(CENTRE)
    optics = LowResolutionSettings(defocus_angstrom=2000, dose_e_per_a2=10)
    experiment = experiment_of(SETTINGS, grid, optics, 2.0, 0.0)
    assert experiment.diffraction_pixels == grid.pixels
    assert experiment.box_angstrom == grid.box_angstrom


def test_a_frame_astray_is_told() -> None:
    centres = np.tile(CENTRE, (20, 1)) + np.random.default_rng(0).normal(0, 0.2, (20, 2))
    centres[7] += 9
    assert np.flatnonzero(~usual_centres(centres)).tolist() == [7]


def test_the_direct_beam_ends_where_counts_stop_falling_steeply() -> None:
    rings = np.arange(40)
    profile = torch.from_numpy(1e6 * np.exp(-((rings / 2) ** 2)) + 5 / (1 + rings / 10))
    assert 6 <= direct_beam_radius(profile, 100.0, 1 / 120) <= 9


def test_a_box_that_leaves_the_image_is_not_whole() -> None:
    frame = ImageFrame((128, 128), 2.0)
    crop = crop_of(np.array([100.0, 0.0]), frame, 0.0, SETTINGS)
    assert is_whole(crop, frame.shape, 40.0)
    assert not is_whole(crop, frame.shape, 80.0)
