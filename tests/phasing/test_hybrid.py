"""A network's guess finished by iterations: better than either, repeatable, and never a crash."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.fourier import centred, decentred, fft2, fourier
from diffragan.io.triplets import TripletStore
from diffragan.phasing import rows
from diffragan.phasing.confidence import FILE, OUTPUTS, Calibration
from diffragan.phasing.evidence import FEATURES
from diffragan.phasing.hybrid import HybridPhaser, measured_in_rings
from diffragan.phasing.hybrid_grid import LevelRefinement, fine_iterations, mean_trust
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.network_alone import NetworkPhaser
from diffragan.phasing.projections import measured_moduli
from diffragan.phasing.protocol import Observations, PhasedWaves, read_observations
from diffragan.phasing.registry import make_phaser, recorded_settings
from diffragan.phasing.support import molecule_envelope
from diffragan.phasing.weights import UnrolledWeights, read_unrolled
from diffragan.rings import resolution_at, ring_correlation, ring_index
from diffragan.symmetries import SYMMETRIES
from diffragan.typing import Float, Tensor, Waves
from tiny_unrolled import BY_HEART, some_weights

VIEWS = range(4)
SHORT = {"restarts": 2, "iterations": 100, "coarse_iterations": 200}
BRIEF = {"restarts": 2, "iterations": 20, "coarse_iterations": 20}


@pytest.fixture(scope="module")
def weights(villin_network: Path) -> UnrolledWeights:
    return read_unrolled(villin_network)


@pytest.fixture(scope="module")
def observations(villin_data: Path) -> Observations:
    return read_observations(TripletStore(villin_data), VIEWS)


@pytest.fixture(scope="module")
def truth(villin_data: Path) -> Waves:
    return torch.from_numpy(TripletStore(villin_data).read("exit_wave", VIEWS))


@pytest.fixture(scope="module")
def phased(weights: UnrolledWeights, observations: Observations) -> PhasedWaves:
    return phaser(weights, **SHORT).phase(observations)


def phaser(weights: UnrolledWeights, **settings: Any) -> HybridPhaser:
    return HybridPhaser(HybridSettings.model_validate(settings), weights)


def frc(waves: Waves, truth: Waves) -> Float[Tensor, "item ring"]:
    rings = ring_index(tuple(truth.shape[-2:]))
    return ring_correlation(fourier(waves), fourier(truth), rings, 55)


def resolution(waves: Waves, truth: Waves) -> float:
    """Of the mean curve over views in a box of 70 Å [Å]."""
    return resolution_at(frc(waves, truth).mean(0), torch.arange(55) / 70) or 70 / 54


def test_it_goes_far_beyond_the_network_and_the_image(
    weights: UnrolledWeights, observations: Observations, truth: Waves, phased: PhasedWaves
) -> None:
    image = LowResolutionPhaser().phase(observations).waves
    guess = NetworkPhaser(weights).phase(observations).waves
    ends = [resolution(waves, truth) for waves in (image, guess, phased.waves)]
    assert ends == sorted(ends, reverse=True)
    assert ends[2] < 0.6 * ends[1]
    assert float((frc(phased.waves, truth).mean(-1) - frc(guess, truth).mean(-1)).min()) > 0.1


def test_what_comes_out_is_on_the_experiment_s_grids(
    observations: Observations, phased: PhasedWaves
) -> None:
    experiment = observations.experiment
    assert phased.waves.shape == (4, experiment.wave_pixels, experiment.wave_pixels)
    assert phased.images.shape == (4, experiment.image_pixels, experiment.image_pixels)
    assert phased.energy_outside_support.shape == (4,)
    assert 0 <= float(phased.energy_outside_support.max()) < 0.05
    assert phased.prediction is None
    assert phased.spread is None


def test_the_result_does_not_depend_on_the_number_of_cores(
    weights: UnrolledWeights, observations: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(rows, "thread_count", lambda _wanted, cores=cores: cores)
        found.append(phaser(weights, **BRIEF).phase(observations))
    for other in found[1:]:
        assert torch.equal(found[0].waves, other.waves)
        assert torch.equal(found[0].images, other.images)
        assert torch.equal(found[0].energy_outside_support, other.energy_outside_support)


def test_an_item_does_not_depend_on_the_others(
    weights: UnrolledWeights, villin_data: Path, observations: Observations
) -> None:
    alone = phaser(weights, **BRIEF).phase(read_observations(TripletStore(villin_data), [2]))
    together = phaser(weights, **BRIEF).phase(observations)
    torch.testing.assert_close(alone.waves[0], together.waves[2], rtol=1e-3, atol=1e-5)


def test_the_same_seed_is_the_same_answer_and_another_starts_elsewhere(
    weights: UnrolledWeights, observations: Observations, villin_data: Path
) -> None:
    answers = [phaser(weights, **BRIEF, seed=seed).answer(observations) for seed in (0, 0, 1)]
    assert torch.equal(answers[0].waves, answers[1].waves)
    assert not torch.equal(answers[0].waves, answers[2].waves)
    # Restart 0 is the network's guess, and the seed has no part in it.
    single = {**BRIEF, "restarts": 1}
    lone = [phaser(weights, **single, seed=seed).phase(observations) for seed in (0, 1)]
    assert torch.equal(lone[0].waves, lone[1].waves)


def test_items_that_are_sure_start_no_third_time(
    weights: UnrolledWeights, observations: Observations
) -> None:
    counts = {}
    for sure in (0.0, 1.0):
        wanted = {**BRIEF, "restarts": 4, "sure": sure}
        counts[sure] = phaser(weights, **wanted).answer(observations).found.restarts.tolist()
    assert counts == {0.0: [2] * 4, 1.0: [4] * 4}


def test_only_those_that_are_not_sure_start_again(
    weights: UnrolledWeights, observations: Observations
) -> None:
    two = phaser(weights, **BRIEF).answer(observations)
    measured = measured_in_rings(measured_moduli(observations))
    agreement = two.found.overall_agreement(measured)
    between = float(agreement.sort().values[1:3].mean())
    more = phaser(weights, **{**BRIEF, "restarts": 3, "sure": between}).answer(observations)
    sure = agreement >= between
    assert more.found.restarts.tolist() == [2 if one else 3 for one in sure.tolist()]
    assert torch.equal(more.found.waves[sure], two.found.waves[sure])


def test_without_the_coarse_grid_it_iterates_on_the_fine_one(
    weights: UnrolledWeights, observations: Observations, truth: Waves
) -> None:
    fine = phaser(weights, restarts=1, iterations=100, coarse_iterations=0)
    found = fine.phase(observations).waves
    guess = NetworkPhaser(weights).phase(observations).waves
    assert resolution(found, truth) < resolution(guess, truth)
    # A coarse grid that is none is left out.
    none = phaser(weights, restarts=1, iterations=20, coarse_iterations=50, coarse_angstrom=0.5)
    same = phaser(weights, restarts=1, iterations=20, coarse_iterations=0)
    assert torch.equal(none.phase(observations).waves, same.phase(observations).waves)


def test_the_wrong_pattern_destroys_the_result(
    weights: UnrolledWeights, observations: Observations, truth: Waves, phased: PhasedWaves
) -> None:
    """Wrong-diffraction control."""
    swapped = observations.with_diffraction(observations.diffraction.roll(1, 0))
    wrong = phaser(weights, **SHORT).phase(swapped).waves
    assert resolution(wrong, truth) > 2 * resolution(phased.waves, truth)


@pytest.mark.parametrize("algorithm", ["er", "hio", "raar"])
def test_of_patterns_of_nothing_the_networks_wave_is_left(
    weights: UnrolledWeights, observations: Observations, algorithm: str
) -> None:
    empty = observations.with_diffraction(torch.zeros_like(observations.diffraction))
    answer = phaser(weights, **BRIEF, algorithm=algorithm).answer(empty)
    assert torch.equal(answer.waves, answer.guess.waves)
    assert bool(answer.waves.abs().isfinite().all())
    assert bool(answer.evidence.values.isfinite().all())


@pytest.mark.parametrize("restraint", [0.0, 0.1])
def test_a_network_that_knows_nothing_leaves_the_wave_alive(
    observations: Observations, truth: Waves, tmp_path: Path, restraint: float
) -> None:
    """Its envelope is empty, in which iterations would end at zero, which is never outside."""
    naive = read_unrolled(some_weights(tmp_path / "naive", BY_HEART))
    guess = NetworkPhaser(naive).guess(observations)
    likely = 0.6  # it says 0.5 everywhere, but for rounding
    assert not (guess.probability > likely).any()
    answer = phaser(naive, **SHORT, restraint=restraint, likely=likely).answer(observations)
    assert float(answer.found.waves.abs().amax((-2, -1)).min()) > 0.01
    start = centred(guess.waves)
    assert resolution(centred(answer.waves), truth) < 1.05 * resolution(start, truth)


def test_the_blend_has_the_measured_power(
    weights: UnrolledWeights, observations: Observations
) -> None:
    answer = phaser(weights, **SHORT).answer(observations)
    moduli = measured_moduli(observations)
    known = moduli.known
    power = (fft2(answer.found.best).abs() ** 2)[:, known].sum(-1)
    torch.testing.assert_close(power, (moduli.modulus**2)[:, known].sum(-1), rtol=0.01, atol=0)


def test_a_support_is_drawn_within_what_is_possible_and_grown_at_the_end(
    observations: Observations, truth: Waves
) -> None:
    grid = observations.experiment.wave_grid
    wave = decentred(truth)
    everywhere = torch.ones(wave.shape, dtype=torch.bool)
    shown = molecule_envelope(wave, grid)
    on_the_way = LevelRefinement(everywhere, grid, 1.0)(wave, 0.5)
    last = LevelRefinement(everywhere, grid, 1.0)(wave, 1.0)
    assert torch.equal(on_the_way, shown)
    assert bool((last | ~shown).all())
    assert int(last.sum()) > int(shown.sum())
    half = everywhere.clone()
    half[:, :, : grid.pixels // 2] = False
    within = LevelRefinement(half, grid, 1.0)(wave, 1.0)
    assert torch.equal(within, last & half)
    # Nothing is shown by a wave of nothing, and all that is possible stays.
    assert torch.equal(LevelRefinement(half, grid, 1.0)(0 * wave, 1.0), half)


def test_exact_moduli_decide_alone_and_weak_ones_with_image_and_phase_object(
    weights: UnrolledWeights, observations: Observations
) -> None:
    guess, settings = NetworkPhaser(weights).guess(observations), HybridSettings()
    exact = fine_iterations(observations, guess, settings)
    assert not exact.held.any()
    assert exact.moduli.restraint is not None
    assert float(exact.moduli.restraint.abs().max()) == 0
    assert mean_trust(exact.moduli).tolist() == [1.0] * 4
    trust = torch.full_like(exact.moduli.modulus, 0.5)
    assert torch.allclose(mean_trust(replace(exact.moduli, trust=trust)), torch.tensor(0.5))
    detector = observations.experiment.detector.model_copy(update={"exposure_e_per_a2": 1e3})
    counted = replace(
        observations, experiment=observations.experiment.model_copy(update={"detector": detector})
    )
    weak = fine_iterations(counted, guess, settings)
    assert weak.held.all()
    assert weak.moduli.restraint is not None
    assert bool((weak.moduli.restraint.abs().amax((-2, -1)) > 0).all())


def test_a_molecule_that_fills_its_box_is_held_to_its_image(
    weights: UnrolledWeights, observations: Observations
) -> None:
    guess = NetworkPhaser(weights).guess(observations)
    full = guess.probability.clone()
    full[1] = 0.9
    held = fine_iterations(observations, replace(guess, probability=full), HybridSettings()).held
    assert held.tolist() == [False, True, False, False]


def test_restarts_that_disagree_leave_no_trust_in_how_well_the_support_is_met(
    weights: UnrolledWeights, observations: Observations
) -> None:
    for sure, trusted in ((0.0, True), (1.0, False)):
        answer = phaser(weights, **BRIEF, sure=sure).answer(observations)
        assert bool(answer.error.isfinite().all()) is trusted
        if trusted:
            assert torch.equal(answer.error, answer.found.error)


def test_beyond_the_recorded_square_the_wave_is_free(
    weights: UnrolledWeights, observations: Observations
) -> None:
    guess = NetworkPhaser(weights).guess(observations)
    moduli = fine_iterations(observations, guess, HybridSettings()).moduli
    assert bool(moduli.recorded.all())
    assert not bool(moduli.known.all())


def test_what_is_finished_has_the_measured_moduli(
    weights: UnrolledWeights, observations: Observations
) -> None:
    answer = phaser(weights, **BRIEF).answer(observations)
    moduli = measured_moduli(observations)
    found = fft2(answer.waves).abs()[:, moduli.known]
    torch.testing.assert_close(found, moduli.modulus[:, moduli.known], rtol=1e-3, atol=1e-2)


def test_the_registry_makes_it_and_records_what_makes_it_again(
    villin_network: Path, observations: Observations
) -> None:
    made = make_phaser("hybrid", BRIEF, villin_network)
    assert isinstance(made, HybridPhaser)
    record = recorded_settings(made, BRIEF, villin_network)
    assert record["in_force"]["effort"] == "normal"
    assert record["settings"] == BRIEF
    assert set(record["weights_sha256"]) == {
        f"best/{part}.safetensors" for part in ("average", "network", "optimiser")
    }
    again = make_phaser("hybrid", record["settings"], Path(record["weights"]))
    assert torch.equal(made.phase(observations).waves, again.phase(observations).waves)


def test_a_calibration_beside_the_weights_predicts_every_view(
    weights: UnrolledWeights, observations: Observations
) -> None:
    place = {name: number for number, name in enumerate(FEATURES)}
    layer = torch.zeros(len(OUTPUTS), len(FEATURES))
    layer[:, place["agreement with the network"]] = 4.0
    one = torch.ones(len(FEATURES))
    known = Calibration(
        ((layer, torch.tensor([0.0, 2.0, 1.0])),), 0 * one, one, ((50.0, 0.8, 1.5),)
    )
    path = weights.where / FILE
    path.write_text(json.dumps(known.as_json()))
    try:
        calibrated = phaser(weights, **BRIEF)
        found = calibrated.phase(observations)
        frequencies = calibrated.predicted_frequencies(observations)
    finally:
        path.unlink()
    told = found.prediction
    assert told is not None
    assert told.frc.shape == (4, len(frequencies))
    assert told.frequency_per_angstrom.tolist() == pytest.approx(frequencies)
    assert bool(told.failed.all())  # this network is always told to be better
    network = centred(calibrated.network.guess(observations, looks=len(SYMMETRIES)).waves).imag
    torch.testing.assert_close(
        found.waves.imag, network, rtol=0, atol=1e-3 * float(network.abs().max())
    )
    ratio = told.interval_angstrom / told.resolution_angstrom[:, None]
    torch.testing.assert_close(ratio, torch.tensor([[0.8, 1.5]]).expand(4, -1).to(ratio))
    assert phaser(weights, **BRIEF).predicted_frequencies(observations) == ()


def test_counted_patterns_of_few_electrons_are_phased_all_the_same(
    weights: UnrolledWeights, observations: Observations
) -> None:
    exposure = 10.0
    counted = Experiment.model_validate(
        {**observations.experiment.model_dump(), "detector": {"exposure_e_per_a2": exposure}}
    )
    incident = exposure * counted.box_angstrom**2
    counts = torch.poisson(
        observations.diffraction * incident, generator=torch.Generator().manual_seed(0)
    )
    seen = replace(observations, experiment=counted, diffraction=counts / incident)
    answer = phaser(weights, **BRIEF).answer(seen)
    assert bool(answer.waves.abs().isfinite().all())
    assert float(answer.evidence.of("trust in the moduli").max()) < 1
