import numpy as np
import pytest
from bump_scans import BumpScan

from diffragan.acquisition.hits.background import HitBackground, learn_background
from diffragan.acquisition.hits.classes import CLASSES, SATURATED
from diffragan.acquisition.hits.classify import FrameMeasurer, classify, classify_measured
from diffragan.acquisition.hits.direct_beam import CENTRE_ERROR_PIXELS, FARTHEST, fit_beam
from diffragan.acquisition.hits.network import packaged_network, read_network
from diffragan.acquisition.hits.scan_map import lay_together
from diffragan.errors import InputError


@pytest.fixture(scope="module")
def background(bump_scan: BumpScan) -> HitBackground:
    return learn_background(bump_scan.frames, bump_scan.rough, bump_scan.conditions)


def test_a_molecule_stands_out_of_the_direct_beams_tail_and_is_placed(
    bump_scan: BumpScan, background: HitBackground
) -> None:
    measurer = FrameMeasurer(bump_scan.conditions, background)
    measured = measurer.measure(bump_scan.frames, bump_scan.rough)
    found = lay_together(
        measured.scores,
        measured.information,
        measured.misfit,
        None,
        background.beam.diameter_angstrom,
    )
    hit = bump_scan.hit & (np.hypot(*bump_scan.places.T) > 8)
    assert np.quantile(found.peak[hit], 0.05) > 5 * np.quantile(found.peak[~bump_scan.hit], 0.99)
    off = np.hypot(*(found.position[hit] - bump_scan.places[hit]).T)
    assert np.quantile(off, 0.9) < 5
    assert np.median(found.phase[hit]) == pytest.approx(bump_scan.phase, rel=0.5)
    wrong = np.abs(measured.centre - bump_scan.centres).max(1)
    assert wrong[~bump_scan.hit].max() < 0.01
    assert wrong.max() < 0.03


def test_a_centre_is_found_wherever_the_beam_falls_on_the_pixels(
    bump_scan: BumpScan, background: HitBackground
) -> None:
    random = np.random.default_rng(8)
    rough = bump_scan.centres + random.uniform(-0.2, 0.2, bump_scan.centres.shape)
    fit = fit_beam(bump_scan.frames, rough, background.beam, bump_scan.conditions)
    assert np.abs(fit.window.centre - bump_scan.centres)[~bump_scan.hit].max() < 0.01


def test_what_the_beam_does_not_explain_leaves_the_centre_near_the_given_one(
    bump_scan: BumpScan, background: HitBackground
) -> None:
    flat = np.full((4, 64, 64), 500, dtype=np.uint32)
    rough = bump_scan.rough[:4]
    fit = fit_beam(flat, rough, background.beam, bump_scan.conditions)
    farthest = FARTHEST * CENTRE_ERROR_PIXELS
    assert np.abs(fit.window.centre - rough).max() <= farthest + 1e-9


def test_no_frame_depends_on_the_block_it_comes_in(
    bump_scan: BumpScan, background: HitBackground
) -> None:
    whole = classify(
        bump_scan.frames[:40], bump_scan.rough[:40], bump_scan.conditions, background=background
    )
    part = classify(
        bump_scan.frames[13:20], bump_scan.rough[13:20], bump_scan.conditions, background=background
    )
    np.testing.assert_allclose(part.probability, whole.probability[13:20], atol=1e-4)
    np.testing.assert_allclose(part.scattered_fraction, whole.scattered_fraction[13:20])


def test_saturated_frames_are_told(bump_scan: BumpScan, background: HitBackground) -> None:
    frames = bump_scan.frames[:3].copy()
    frames[1, 20:40, 20:40] = 2**24
    found = classify(frames, bump_scan.rough[:3], bump_scan.conditions, background=background)
    assert found.probability[1, SATURATED] == 1
    assert found.probability.shape == (3, len(CLASSES))


def test_all_saturated_and_too_few_frames_are_refused(bump_scan: BumpScan) -> None:
    full = np.full((60, 64, 64), 2**24, dtype=np.uint32)
    with pytest.raises(InputError, match="saturated"):
        classify(full, np.full((60, 2), 32.0), bump_scan.conditions)
    with pytest.raises(InputError, match="too few"):
        classify(bump_scan.frames[:5], bump_scan.rough[:5], bump_scan.conditions)


def test_positions_of_other_frames_are_refused(
    bump_scan: BumpScan, background: HitBackground
) -> None:
    measured = FrameMeasurer(bump_scan.conditions, background).measure(
        bump_scan.frames[:4], bump_scan.rough[:4]
    )
    with pytest.raises(InputError, match="as many positions"):
        classify_measured(measured, bump_scan.conditions, background, positions=np.zeros((3, 2)))


def test_the_packaged_weights_are_small_and_fit() -> None:
    folder = packaged_network()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 100_000
    network = read_network()
    assert network.priors.sum() == pytest.approx(1)
