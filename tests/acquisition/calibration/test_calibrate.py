"""The first pass over a scan against what the scan was made of."""

import numpy as np
import pytest
import torch
from made_up_scans import ANGLE_DEG, RATIO, SHAPE, MadeUpScan, Truth, made_up_frames

from diffragan.acquisition.calibration import calibrate as module
from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.calibration.detector_calibration import (
    DetectorCalibration,
    electrons,
    frame_centres,
)
from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError

GIVEN = ScanSettings(energy_kev=200.0, mrad_per_pixel=0.35)


@pytest.fixture(scope="module")
def in_view() -> tuple[Truth, DetectorCalibration]:
    """A scan with the direct beam on the detector, and its calibration."""
    truth = made_up_frames(gap=True, rings_angstrom=(3.67,))
    return truth, calibrate(MadeUpScan(truth.frames.astype(np.uint16)), GIVEN)


@pytest.fixture(scope="module")
def hidden() -> tuple[Truth, DetectorCalibration]:
    """A scan with the direct beam behind a stop, and its calibration."""
    truth = made_up_frames(stop_pixels=6.0, seed=1, rings_angstrom=(3.67,))
    return truth, calibrate(MadeUpScan(truth.frames.astype(np.uint16)), GIVEN)


def _error(truth: Truth, calibration: DetectorCalibration) -> tuple[float, float]:
    """Return the rms error of the centres of all frames, and the one claimed [pixels]."""
    block = electrons(torch.from_numpy(truth.frames).float(), calibration)
    found = frame_centres(block, np.arange(len(block)), calibration)
    off = found.centres.numpy() - truth.centres
    return float(np.sqrt((off**2).mean())), float(found.errors.square().mean().sqrt())


def test_a_direct_beam_in_view_is_found_to_a_twentieth_of_a_pixel(
    in_view: tuple[Truth, DetectorCalibration],
) -> None:
    assert in_view[1].centring.by == "direct beam"
    off, claimed = _error(*in_view)
    assert off < 0.05
    assert claimed < 2 * off + 0.02


def test_a_hidden_direct_beam_is_found_to_a_fifth_of_a_pixel(
    hidden: tuple[Truth, DetectorCalibration],
) -> None:
    assert hidden[1].centring.by == "symmetry"
    off, claimed = _error(*hidden)
    assert off < 0.2
    assert off / 2 < claimed < 2 * off


def test_few_electrons_leave_a_frame_on_the_smooth_surface() -> None:
    truth = made_up_frames(stop_pixels=6.0, seed=2, electrons=3000, jitter=0.0)
    calibration = calibrate(MadeUpScan(truth.frames.astype(np.uint16)), GIVEN)
    assert _error(truth, calibration)[0] < 0.2


def test_centres_do_not_depend_on_blocks(in_view: tuple[Truth, DetectorCalibration]) -> None:
    truth, calibration = in_view
    block = torch.from_numpy(truth.frames[:20]).float()
    whole = frame_centres(block, np.arange(20), calibration).centres
    parts = [
        frame_centres(block[i : i + 7], np.arange(i, min(i + 7, 20)), calibration).centres
        for i in (0, 7, 14)
    ]
    torch.testing.assert_close(whole, torch.cat(parts), atol=1e-4, rtol=0)


def test_bad_pixels_stop_and_gap_are_told_apart(
    in_view: tuple[Truth, DetectorCalibration], hidden: tuple[Truth, DetectorCalibration]
) -> None:
    for truth, calibration in (in_view, hidden):
        faults = calibration.faults
        assert [tuple(p) for p in faults.hot.nonzero().tolist()] == truth.hot
        assert [tuple(p) for p in faults.dead.nonzero().tolist()] == truth.dead
        assert not faults.noisy.any()
        assert (faults.beam_stop.numpy() == truth.stop).mean() > 0.999
        assert np.array_equal(faults.gaps.numpy(), truth.gap)


def test_the_ellipse_is_found_within_half_a_per_cent(
    in_view: tuple[Truth, DetectorCalibration], hidden: tuple[Truth, DetectorCalibration]
) -> None:
    for _, calibration in (in_view, hidden):
        ellipse = calibration.ellipse
        assert abs(ellipse.ratio - RATIO) < 0.005
        assert abs(ellipse.angle_deg - ANGLE_DEG) < 10
        assert ellipse.ratio_error < 0.005


def test_a_given_ellipse_counts_and_a_wrong_one_is_contradicted(
    in_view: tuple[Truth, DetectorCalibration],
) -> None:
    scan = MadeUpScan(in_view[0].frames.astype(np.uint16))
    for ratio, angle, words in ((RATIO, ANGLE_DEG, 0), (1.1, -45.0, 1)):
        # Either end of the diameter names it.
        given = {"ellipticity": ratio - 1, "ellipticity_angle_deg": angle + 180}
        calibration = calibrate(scan, GIVEN.model_copy(update=given))
        assert calibration.ellipse == Ellipse(ratio, angle, 0.0)
        said = [line for line in calibration.warnings if "ellipticity" in line]
        assert len(said) == words
        assert all("10 % at 135 degrees, and the patterns say 2" in line for line in said)


def test_more_frames_are_looked_at_where_a_sample_does_not_tell_the_ellipse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    truth = made_up_frames(seed=6, electrons=3000)
    scan = MadeUpScan(truth.frames.astype(np.uint16))

    def found() -> DetectorCalibration:
        return calibrate(scan, GIVEN, sample_frames=24)

    closer = found()
    monkeypatch.setattr(module, "CLOSER_FRAMES", 24)
    unsure = found()
    assert closer.sampled == unsure.sampled == 24
    assert unsure.ellipse.ratio_error > module.UNSURE_RATIO
    assert closer.ellipse.ratio_error < 0.7 * unsure.ellipse.ratio_error
    assert any("the patterns tell their ellipticity to" in line for line in unsure.warnings)


def test_counts_of_a_counting_detector_stay_as_they_are(
    in_view: tuple[Truth, DetectorCalibration],
) -> None:
    truth, calibration = in_view
    block = torch.from_numpy(truth.frames[:3]).float()
    assert calibration.counts_per_electron == 1
    assert torch.equal(electrons(block, calibration), block)


def test_gain_and_offset_are_found_by_how_counts_vary() -> None:
    truth = made_up_frames(stop_pixels=6.0, seed=3, electrons=2e4)
    noise = np.random.default_rng(0).normal(0, 2, truth.frames.shape)
    counts = (20 * truth.frames + 100 + noise).astype(np.float32)
    calibration = calibrate(MadeUpScan(counts), GIVEN)
    assert calibration.offset_counts == pytest.approx(100, abs=1)
    assert calibration.counts_per_electron == pytest.approx(20, rel=0.15)
    assert any("offset_counts" in line for line in calibration.warnings)


def test_a_wrong_gain_is_contradicted() -> None:
    truth = made_up_frames(seed=4, electrons=2e4)
    settings = GIVEN.model_copy(update={"counts_per_electron": 3.0})
    calibration = calibrate(MadeUpScan(truth.frames.astype(np.uint16)), settings)
    assert calibration.counts_per_electron == 3
    assert any("counts_per_electron is 3" in line for line in calibration.warnings)


def test_a_saturated_beam_is_centred_by_the_rest() -> None:
    truth = made_up_frames(seed=5)
    counts = truth.frames.clip(max=1500).astype(np.uint16)
    settings = GIVEN.model_copy(update={"saturation_counts": 1500.0})
    calibration = calibrate(MadeUpScan(counts), settings)
    assert calibration.centring.by == "symmetry"
    assert calibration.saturated_share == 1
    assert _error(truth, calibration)[0] < 0.2


def test_the_camera_length_is_measured_by_gold_rings() -> None:
    rings = (2.355, 2.039, 1.442, 1.230)
    truth = made_up_frames(seed=6, rings_angstrom=rings, mrad_per_pixel=0.35, pixels=128)
    settings = GIVEN.model_copy(update={"mrad_per_pixel": 0.35 * 1.03})
    calibration = calibrate(MadeUpScan(truth.frames.astype(np.uint16)), settings, rings="gold")
    assert calibration.camera is not None
    assert calibration.mrad_per_pixel == pytest.approx(0.35, rel=0.005)
    assert "rings of gold" in str(calibration.camera.warning)


def test_rings_that_are_not_there_are_not_found(
    in_view: tuple[Truth, DetectorCalibration],
) -> None:
    scan = MadeUpScan(in_view[0].frames.astype(np.uint16))
    calibration = calibrate(scan, GIVEN, rings="gold", sample_frames=64)
    assert calibration.camera is None
    assert calibration.mrad_per_pixel == 0.35
    assert any("no rings of gold" in line for line in calibration.warnings)


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (np.zeros((96, 20, 20), np.uint16), "one value in all pixels"),
        (np.full((96, 20, 20), 65535, np.uint16), "saturated"),
        (np.full((96, 20, 20), np.nan, np.float32), "no numbers"),
        (np.ones((5, 20, 20), np.uint16), "too few"),
    ],
)
def test_frames_without_use_are_refused(frames: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibrate(MadeUpScan(frames, None), GIVEN)


def test_frames_of_another_size_are_refused(in_view: tuple[Truth, DetectorCalibration]) -> None:
    with pytest.raises(InputError, match="calibration is of frames"):
        electrons(torch.zeros(2, 10, 10), in_view[1])
    assert in_view[1].sampled <= SHAPE[0] * SHAPE[1]


def test_a_large_beam_stop_leaves_the_background_its_outer_rings() -> None:
    truth = made_up_frames(stop_pixels=11.0, seed=7)
    calibration = calibrate(MadeUpScan(truth.frames.astype(np.uint16)), GIVEN, sample_frames=64)
    background = calibration.background
    assert background.frames > 30
    assert float(background.profile[:9].sum()) == 0
    assert float(background.profile[20]) > 10 * float(background.error[20]) > 0
