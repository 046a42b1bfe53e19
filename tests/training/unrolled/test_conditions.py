"""Lessons: what is drawn, what is shown of it, and what stays true."""

from dataclasses import fields
from math import isclose

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.beam import BeamSettings
from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import ConditionSettings
from diffragan.fourier import centred, fft2, resize_centred
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore
from diffragan.models.unrolled import NetworkView
from diffragan.phasing.protocol import Observations
from diffragan.physics.detector import measured_snr
from diffragan.physics.forward import diffraction_pattern, image
from diffragan.training.unrolled import conditions
from diffragan.training.unrolled.conditions import (
    BORDER_ANGSTROM,
    SNR_BAND_ANGSTROM,
    Lesson,
    draw_lesson,
    observe,
)
from diffragan.training.unrolled.waves import WavePool, read_pool
from diffragan.typing import Waves
from tiny_data import TINY, tiny_data
from tiny_unrolled import TINY_CONDITIONS, TINY_NETWORK

seeds = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> WavePool:
    path = tmp_path_factory.mktemp("lessons") / "data.zarr"
    return read_pool(TripletStore(tiny_data(path, ("alpha", "beta")).store.path), TINY_NETWORK)


def changed(**updates: object) -> ConditionSettings:
    return TINY_CONDITIONS.model_copy(update=updates)


CLEAN = changed(
    noise_free_share=1.0, beam_stop_share=0.0, gap_share=0.0, truncated_share=0.0,
    b_factor_a2=(0.0, 0.0), low_resolution_snr=(1e4, 1e4),
)  # fmt: skip


def same(first: Lesson, second: Lesson) -> bool:
    views = (
        torch.equal(getattr(first.view, f.name), getattr(second.view, f.name))
        for f in fields(NetworkView)
    )
    return (
        torch.equal(first.truth, second.truth)
        and torch.equal(first.envelope, second.envelope)
        and first.electrons == second.electrons
        and all(views)
    )


def test_the_seed_decides_everything(pool: WavePool) -> None:
    for step in range(5):
        one, again = (draw_lesson(pool, TINY, TINY_CONDITIONS, 3, (7, step)) for _ in range(2))
        assert same(one, again)
        assert same(one, one.to("cpu"))
    others = [draw_lesson(pool, TINY, TINY_CONDITIONS, 3, seed) for seed in ((7, 9), (8, 0))]
    assert not same(others[0], others[1])


def drawn(
    pool: WavePool, settings: ConditionSettings, monkeypatch: pytest.MonkeyPatch, count: int
) -> list[tuple[Waves, Observations]]:
    """The waves and observations of many lessons of two views."""
    kept: list[tuple[Waves, Observations]] = []

    def keeping(
        waves: Waves, experiment: Experiment, given: ConditionSettings, random: np.random.Generator
    ) -> Observations:
        kept.append((waves, observe(waves, experiment, given, random)))
        return kept[-1][1]

    monkeypatch.setattr(conditions, "observe", keeping)
    for step in range(count):
        draw_lesson(pool, TINY, settings, 2, (0, step))
    return kept


def test_every_draw_is_within_its_range_and_ranges_are_filled(
    pool: WavePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = TINY_CONDITIONS
    found = drawn(pool, wanted, monkeypatch, 60)
    experiments = [seen.experiment for _, seen in found]
    exposures = [e.detector.exposure_e_per_a2 for e in experiments if e.detector.exposure_e_per_a2]
    pixel = pool.grid.pixel_angstrom
    for values, (low, high), slack, spreads_by in (
        ([e.box_angstrom for e in experiments], wanted.box_angstrom, 2 * pixel, 1.3),
        (
            [e.low_resolution.defocus_angstrom for e in experiments],
            wanted.low_resolution_defocus_angstrom,
            1e-6,
            3.0,
        ),
        (
            [e.low_resolution.aperture_mrad for e in experiments],
            wanted.low_resolution_aperture_mrad,
            1e-6,
            1.3,
        ),
        (exposures, wanted.exposure_e_per_a2, 1e-6, 1e3),
    ):
        assert low - slack <= min(values) < max(values) <= high + slack
        assert max(values) / min(values) > spreads_by
    assert 0.2 < len(exposures) / len(experiments) < 0.8
    for experiment in experiments:
        assert Experiment.model_validate(experiment.model_dump()) == experiment
        assert experiment.wave_grid.pixel_angstrom == pytest.approx(pixel)
        assert experiment.image_pixels == experiment.wave_pixels
    ends = {e.diffraction_pixels == e.wave_pixels - 1 for e in experiments}
    assert ends == {True, False}  # some patterns end early, and most at the network's own pixels


def test_the_images_have_the_signal_to_noise_ratio_they_were_drawn_with(
    pool: WavePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = changed(low_resolution_snr=(2.0, 2.0))
    ratios = []
    for waves, seen in drawn(pool, settings, monkeypatch, 20):
        grid, experiment = seen.experiment.wave_grid, seen.experiment
        true = image(waves, grid, experiment.low_resolution, experiment.electron)
        ratios += [
            measured_snr(counts, one, float(dose), SNR_BAND_ANGSTROM, grid)
            for counts, one, dose in zip(
                seen.low_resolution, true, seen.low_resolution_dose, strict=True
            )
        ]
    assert float(np.median(ratios)) == pytest.approx(2.0, rel=0.2)


def test_patterns_are_those_of_the_forward_model_and_the_view_those_of_the_truth(
    pool: WavePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for waves, seen in drawn(pool, CLEAN, monkeypatch, 5):
        expected = diffraction_pattern(waves, seen.experiment.diffraction_pixels)
        torch.testing.assert_close(seen.diffraction, torch.where(seen.measured, expected, 0.0))
    for step in range(5):
        lesson = draw_lesson(pool, TINY, CLEAN, 2, (0, step))
        exact = lesson.view.trust == 1
        assert float(exact.float().mean()) > 0.85
        true = fft2(lesson.truth).abs()
        torch.testing.assert_close(lesson.view.modulus[exact], true[exact], rtol=1e-3, atol=1e-3)


def test_a_probe_of_the_data_set_is_no_part_of_a_lesson(pool: WavePool) -> None:
    """Patterns are made with a plane wave here, and a probe's area would scale them wrongly."""
    probed = TINY.model_copy(
        update={"beam": BeamSettings(probe_diameter_angstrom=80.0, convergence_mrad=0.1)}
    )
    for share in (0.0, 1.0):
        settings = changed(noise_free_share=share)
        plain, other = (draw_lesson(pool, base, settings, 2, (0, 0)) for base in (TINY, probed))
        assert same(plain, other)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_all_patterns_are_counted_or_none(
    pool: WavePool, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    settings = changed(noise_free_share=share)
    for step in range(8):
        lesson = draw_lesson(pool, TINY, settings, 2, (0, step))
        assert (lesson.electrons is None) == (share == 1)
        whole = (lesson.view.trust == 0) | (lesson.view.trust == 1)
        assert bool(whole.all()) == (share == 1)
    for _, seen in drawn(pool, settings, monkeypatch, 8):
        exposure = seen.experiment.detector.exposure_e_per_a2
        assert (exposure is None) == (share == 1)
        if exposure is not None:
            counts = seen.diffraction.double() * exposure * seen.experiment.box_angstrom**2
            assert float((counts - counts.round()).abs().max()) < 1e-2 * (1 + float(counts.max()))
            assert float(counts.sum()) > 0


@given(seeds)
@settings(max_examples=30)
def test_a_molecule_and_its_envelope_lie_inside_the_box(pool: WavePool, seed: int) -> None:
    """Wherever it is moved: what stands out of vacuum does not reach over the rim."""
    lesson = draw_lesson(pool, TINY, TINY_CONDITIONS, 2, (seed,))
    envelope = centred(lesson.envelope)
    rim = torch.ones_like(envelope[0])
    rim[1:-1, 1:-1] = False
    assert not envelope[:, rim].any()
    assert int(envelope.flatten(1).sum(1).min()) > 0
    strong = centred(lesson.truth).abs() ** 2
    assert float(strong[:, rim].sum()) < 0.02 * float(strong.sum())
    energy = (strong * envelope).sum((-2, -1)) / strong.sum((-2, -1))
    assert float(energy.min()) > 0.5


@given(seeds, st.floats(14.0, 60.0), st.floats(1.0, 3.0))
@settings(max_examples=30)
def test_a_box_holds_its_molecules_even_where_the_range_does_not(
    pool: WavePool, seed: int, high: float, per_molecule: float
) -> None:
    limits = changed(box_angstrom=(10.0, high), box_per_molecule=(per_molecule, per_molecule))
    lesson = draw_lesson(pool, TINY, limits, 2, (seed,))
    box = lesson.truth.shape[-1] * pool.grid.pixel_angstrom
    dimension = float(pool.dimension_angstrom.min()) + BORDER_ANGSTROM
    largest = float(pool.dimension_angstrom.max()) + BORDER_ANGSTROM
    assert dimension - pool.grid.pixel_angstrom <= box
    assert box <= max(high, largest) + pool.grid.pixel_angstrom


def test_a_view_is_a_turned_moved_and_mirrored_wave_of_the_pool(pool: WavePool) -> None:
    """Without blur its moduli are, up to the turn, those of a wave in the pool."""
    still = CLEAN.model_copy(update={"shift_angstrom": 2.0, "box_angstrom": (24.0, 24.0)})
    poses = set()
    for step in range(40):
        lesson = draw_lesson(pool, TINY, still, 1, (3, step))
        assert lesson.truth.shape[-1] == 24
        candidates = {}
        for item, wave in enumerate(pool.waves):
            for turns in range(4):
                for flipped in (False, True):
                    turned = torch.rot90(wave, turns, (0, 1))
                    turned = turned.flip(0) if flipped else turned
                    apart = fft2(lesson.truth[0]).abs() - fft2(turned).abs()
                    candidates[item, turns, flipped] = float(torch.linalg.norm(apart))
        best = min(candidates, key=lambda pose: candidates[pose])
        size = float(torch.linalg.norm(fft2(lesson.truth[0])))
        assert candidates[best] < 1e-3 * size
        poses.add(best[2])
    assert poses == {False, True}


def test_thermal_motion_damps_as_the_debye_waller_factor(pool: WavePool) -> None:
    cold, warm = (
        draw_lesson(pool, TINY, CLEAN.model_copy(update={"b_factor_a2": (b, b)}), 2, (0, 1))
        for b in (0.0, 20.0)
    )
    grid = Grid(cold.truth.shape[-1], cold.truth.shape[-1] * pool.grid.pixel_angstrom)
    damped = fft2(cold.truth) * torch.exp(-20.0 / 4 * grid.squared_frequencies())
    torch.testing.assert_close(fft2(warm.truth), damped, rtol=1e-3, atol=1e-4)


def test_masks_cover_what_they_say(pool: WavePool, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = drawn(pool, CLEAN, monkeypatch, 4)
    assert all(int((~seen.measured).sum()) == 1 for _, seen in plain)
    stopped = CLEAN.model_copy(update={"beam_stop_share": 1.0, "beam_stop_angstrom": (6.0, 6.0)})
    for _, seen in drawn(pool, stopped, monkeypatch, 4):
        side, box = seen.measured.shape[-1], seen.experiment.box_angstrom
        axis = torch.arange(side) - side // 2
        expected = axis[:, None] ** 2 + axis**2 <= (box / 6.0) ** 2
        assert torch.equal(~seen.measured, expected)
    gapped = CLEAN.model_copy(update={"gap_share": 1.0})
    for _, seen in drawn(pool, gapped, monkeypatch, 6):
        missing = ~seen.measured
        assert bool(missing.all(0).any())
        assert bool(missing.all(1).any())
        assert not seen.diffraction[:, missing].any()


def test_the_waves_of_the_pool_are_left_as_they_were(pool: WavePool) -> None:
    before = pool.waves.clone()
    for step in range(5):
        draw_lesson(pool, TINY, TINY_CONDITIONS, 3, (1, step))
    assert torch.equal(pool.waves, before)


def test_a_smaller_box_than_the_data_set_s_cuts_vacuum_alone(
    pool: WavePool,
) -> None:
    narrow = CLEAN.model_copy(update={"box_angstrom": (18.0, 18.0), "shift_angstrom": 0.0})
    lesson = draw_lesson(pool, TINY, narrow, 1, (0, 0))
    side = lesson.truth.shape[-1]
    assert side == 18
    strengths = [float((resize_centred(w, side).abs() ** 2).sum()) for w in pool.waves]
    kept = float((centred(lesson.truth)[0].abs() ** 2).sum())
    assert any(isclose(kept, strength, rel_tol=1e-3) for strength in strengths)
    whole = [float((wave.abs() ** 2).sum()) for wave in pool.waves]
    assert any(isclose(kept, strength, rel_tol=0.05) for strength in whole)
