"""Frames of reference, pinned with an asymmetric phantom."""

import numpy as np
import pytest
from made_up_field import ELECTRON

from diffragan.acquisition.overview.correlation import masked_correlation, reference
from diffragan.acquisition.overview.defocus import _Fit
from diffragan.acquisition.overview.frames import ImageFrame, crop_of, scan_points, turn
from diffragan.config.acquisition import AcquisitionSettings, ScanSettings
from diffragan.config.optics import OpticsSettings
from diffragan.grid import Grid
from diffragan.physics.optics import aberration_phase

F = np.array([[0, 0], [0, 1], [0, 2], [0, 3], [1, 3], [2, 3], [1, 2]], dtype=float)
"""Points x, y of a letter F whose stem runs along y."""


def test_pixels_and_points_are_inverse_and_the_origin_is_at_n_over_2() -> None:
    frame = ImageFrame((6, 9), 2.0)
    assert frame.to_pixels([[0.0, 0.0]]).tolist() == [[4.0, 3.0]]
    np.testing.assert_allclose(frame.to_angstrom(frame.to_pixels(F)), F)


def test_rows_of_a_flipped_image_run_against_y() -> None:
    frame = ImageFrame((6, 9), 2.0, flipped_y=True)
    assert frame.to_pixels([[0.0, 2.0]]).tolist() == [[4.0, 2.0]]
    np.testing.assert_allclose(frame.to_angstrom(frame.to_pixels(F)), F)


def test_scan_positions_run_row_by_row_about_the_middle() -> None:
    points = scan_points((2, 3), 10.0)
    assert points.tolist() == [[-10, -5], [0, -5], [10, -5], [-10, 5], [0, 5], [10, 5]]


@pytest.mark.parametrize("flipped", [False, True])
def test_a_crop_turns_the_letter_f_into_the_detectors_frame(flipped: bool) -> None:
    settings = AcquisitionSettings(scan=ScanSettings(scan_to_detector_deg=25))
    frame, to_image = ImageFrame((100, 120), 1.5, flipped), 70.0
    centre = np.array([8.0, -5.0])
    in_scan = F @ turn(25.0).T  # v = R(a) (R(a)^-1 v)
    in_image = in_scan @ turn(-to_image).T + centre
    crop = crop_of(centre, frame, to_image, settings)
    np.testing.assert_allclose(crop.to_pixels(F), frame.to_pixels(in_image))
    np.testing.assert_allclose(crop.to_detector(frame.to_pixels(in_image)), F, atol=1e-9)


def test_points_in_the_image_are_told_from_those_outside() -> None:
    frame = ImageFrame((10, 10), 1.0)
    assert frame.holds([[0, 0], [4, 0], [5, 0]]).tolist() == [True, True, False]
    assert frame.holds([[0, 0], [4, 0], [5, 0]], 2.0).tolist() == [True, False, False]


def test_the_fit_of_rings_uses_the_phase_of_the_forward_model() -> None:
    optics = OpticsSettings(defocus_angstrom=4000.0, spherical_aberration_mm=2.7)
    grid = Grid(64, 200.0)
    q = grid.axis_frequencies().numpy()[1:32].astype(np.float64)
    empty = np.ones((1, len(q)))
    fit = _Fit(q, empty, empty, empty.T, empty.T, ELECTRON.wavelength_angstrom, 2.7e7)
    expected = aberration_phase(optics, grid, ELECTRON)[0, 1:32]
    np.testing.assert_allclose(fit._chi(np.array([[4000.0]]))[0], expected, rtol=1e-5)


def test_a_piece_is_found_where_it_was_cut_out_of_a_map_with_holes() -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(40, 50))
    known = rng.random((40, 50)) > 0.2
    piece = whole[12:30, 7:29] * 3 + 5
    inside = rng.random(piece.shape) > 0.2
    value, corner = masked_correlation(reference(whole, known, 22), piece, inside, 0.5)
    assert corner == (12, 7)
    assert value == pytest.approx(1.0, abs=1e-6)
