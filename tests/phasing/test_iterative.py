"""Iterations find what they must find, and beat the image on a real protein."""

from pathlib import Path

import pytest
import torch

from diffragan.errors import ConfigError
from diffragan.fourier import fft2, fourier, ifft2
from diffragan.io.triplets import TripletStore
from diffragan.phasing.iterative import IterativePhaser, IterativeSettings, iterate
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.projections import (
    MeasuredModuli,
    energy_outside,
    measured_moduli,
    project_modulus,
    project_support,
)
from diffragan.phasing.protocol import Observations, read_observations
from diffragan.phasing.restraint import image_phases, restraint, starting_wave
from diffragan.phasing.support import estimate_support, mass_from_pattern, support_area
from diffragan.rings import resolution_at, ring_correlation, ring_index
from diffragan.typing import Bool, Tensor, Waves

PIXELS = 64
VIEWS = range(4)


@pytest.fixture
def support() -> Bool[Tensor, "item y x"]:
    """A letter F that fills a tenth of the box: oversampled, and unlike its twin."""
    letter = torch.zeros(PIXELS, PIXELS, dtype=torch.bool)
    letter[22:42, 22:28] = True
    letter[36:42, 22:40] = True
    letter[28:33, 22:35] = True
    return torch.fft.ifftshift(letter)[None]


@pytest.fixture
def truth(support: Bool[Tensor, "item y x"]) -> Waves:
    generator = torch.Generator().manual_seed(0)
    phase = torch.rand(1, PIXELS, PIXELS, generator=generator) * support
    return torch.complex(-0.1 * phase**2, phase)


def all_known(truth: Waves) -> MeasuredModuli:
    everywhere = torch.ones(PIXELS, PIXELS, dtype=torch.bool)
    return MeasuredModuli(fft2(truth).abs(), everywhere, everywhere)


def random_start(moduli: MeasuredModuli, seed: int) -> Waves:
    generator = torch.Generator().manual_seed(seed)
    angle = 2 * torch.pi * torch.rand(1, PIXELS, PIXELS, generator=generator)
    return ifft2(moduli.modulus * torch.polar(torch.ones_like(angle), angle))


def relative_error(found: Waves, truth: Waves) -> float:
    """Distance to the truth up to a phase factor, which no modulus tells."""
    overlap = (truth.conj() * found).sum()
    aligned = found * (overlap.conj() / overlap.abs())
    return float(torch.linalg.norm(aligned - truth) / torch.linalg.norm(truth))


@pytest.mark.parametrize("algorithm", ["hio", "raar"])
def test_a_known_object_is_recovered_from_random_phases(
    algorithm: str, truth: Waves, support: Bool[Tensor, "item y x"]
) -> None:
    moduli = all_known(truth)
    settings = IterativeSettings(algorithm=algorithm, iterations=400, restraint=0)
    errors = [
        relative_error(iterate(random_start(moduli, seed), moduli, support, settings)[0], truth)
        for seed in range(4)
    ]
    assert max(errors) < 1e-3


def test_error_reduction_recovers_a_known_object_from_phases_that_are_75_degrees_wrong(
    truth: Waves, support: Bool[Tensor, "item y x"]
) -> None:
    """Error reduction finds the nearest minimum only: from random phases it stagnates here."""
    moduli = all_known(truth)
    generator = torch.Generator().manual_seed(0)
    wrong = torch.deg2rad(75 * torch.randn(1, PIXELS, PIXELS, generator=generator))
    start = ifft2(fft2(truth) * torch.polar(torch.ones_like(wrong), wrong))
    assert relative_error(start, truth) > 0.9
    settings = IterativeSettings(algorithm="er", iterations=500, restraint=0)
    assert relative_error(iterate(start, moduli, support, settings)[0], truth) < 1e-3


def test_error_reduction_recovers_an_object_with_a_reference_point_from_random_phases(
    truth: Waves, support: Bool[Tensor, "item y x"]
) -> None:
    """An isolated bright point makes the pattern a hologram, which has one minimum."""
    point = (0, PIXELS - 18, 14)
    truth, support = truth.clone(), support.clone()
    truth[point], support[point] = 8j, True
    moduli = all_known(truth)
    settings = IterativeSettings(algorithm="er", iterations=1000, restraint=0)
    found, _ = iterate(random_start(moduli, 0), moduli, support, settings)
    assert relative_error(found, truth) < 1e-3


def test_the_best_iterate_is_kept(truth: Waves, support: Bool[Tensor, "item y x"]) -> None:
    moduli = all_known(truth)
    start = random_start(moduli, 1)
    errors = [
        float(iterate(start, moduli, support, IterativeSettings(iterations=n, restraint=0))[1])
        for n in (50, 200, 400)
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("algorithm", ["er", "hio", "raar"])
def test_a_wave_that_died_is_never_the_best(
    algorithm: str, truth: Waves, support: Bool[Tensor, "item y x"]
) -> None:
    """In an empty support nothing is left, of which nothing is outside."""
    moduli = all_known(truth)
    settings = IterativeSettings(algorithm=algorithm, iterations=60, restraint=0)
    both = torch.cat([support, torch.zeros_like(support)])
    start = random_start(moduli, 0).expand(2, -1, -1)
    _, error = iterate(start, all_known(truth.expand(2, -1, -1)), both, settings)
    assert float(error[0]) < float(error[1]) == 1


def test_projections_are_projections(truth: Waves, support: Bool[Tensor, "item y x"]) -> None:
    moduli = all_known(truth)
    wave = random_start(moduli, 2) * 0.5
    once = project_modulus(wave, moduli)
    torch.testing.assert_close(project_modulus(once, moduli), once, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fft2(once).abs(), moduli.modulus, rtol=1e-3, atol=1e-3)
    inside = project_support(wave, support, positive=True)
    torch.testing.assert_close(project_support(inside, support, positive=True), inside)
    assert float(energy_outside(inside, support, positive=True)) == 0
    assert float(energy_outside(truth, support, positive=True)) == 0


def test_unmeasured_coefficients_are_left_free_and_unrecorded_ones_are_zero(truth: Waves) -> None:
    known = torch.ones(PIXELS, PIXELS, dtype=torch.bool)
    recorded = known.clone()
    known[0, 0] = False
    known[30, 30] = recorded[30, 30] = False
    moduli = MeasuredModuli(fft2(truth).abs(), known, recorded)
    wave = random_start(moduli, 3)
    found = fft2(project_modulus(wave, moduli))
    torch.testing.assert_close(found[0, 0, 0], fft2(wave)[0, 0, 0], rtol=1e-3, atol=1e-3)
    assert float(found[0, 30, 30].abs()) < 1e-3


@pytest.fixture(scope="session")
def observations(villin_data: Path) -> Observations:
    return read_observations(TripletStore(villin_data), VIEWS)


@pytest.fixture(scope="session")
def true_waves(villin_data: Path) -> Waves:
    return torch.from_numpy(TripletStore(villin_data).read("exit_wave", VIEWS))


def resolution(waves: Waves, truth: Waves, box_angstrom: float) -> float:
    """Resolution of the mean FRC curve [Å]."""
    count = 55
    frequency = torch.arange(count) / box_angstrom
    rings = ring_index(tuple(truth.shape[-2:]))
    curve = ring_correlation(fourier(waves), fourier(truth), rings, count).mean(0)
    return resolution_at(curve, frequency) or 1 / float(frequency[-1])


def test_the_image_holds_phases_as_good_as_its_signal_to_noise_says(
    observations: Observations, true_waves: Waves
) -> None:
    """With SNR 0.8 in 8 to 5 Å, the correlation with the truth is sqrt(0.8 / 1.8) or better."""
    moduli = measured_moduli(observations)
    start = starting_wave(image_phases(observations, moduli), moduli)
    rings = ring_index((128, 128))
    curve = ring_correlation(
        fft2(start), fft2(torch.fft.ifftshift(true_waves, dim=(-2, -1))), rings, 14
    )
    assert float(curve[:, 9:13].mean()) > 0.6


def test_the_mass_comes_out_of_the_pattern_within_a_third(observations: Observations) -> None:
    mass = mass_from_pattern(measured_moduli(observations), observations.experiment)
    assert mass.tolist() == pytest.approx([4083.7 * 0.77] * len(mass), rel=0.15)
    assert float(support_area(torch.tensor(20_000.0))) > float(support_area(torch.tensor(10_000.0)))


def test_the_estimated_support_covers_most_of_the_molecule(
    observations: Observations, true_waves: Waves
) -> None:
    moduli = measured_moduli(observations)
    start = starting_wave(image_phases(observations, moduli), moduli)
    area = support_area(mass_from_pattern(moduli, observations.experiment))
    found = estimate_support(start, area, 5.0, observations.experiment.wave_grid)
    wave = torch.fft.ifftshift(true_waves, dim=(-2, -1))
    energy = (wave.abs() ** 2 * found).sum((-2, -1)) / (wave.abs() ** 2).sum((-2, -1))
    assert float(energy.min()) > 0.85
    assert float(found.float().mean()) < 0.2


def test_hio_goes_far_beyond_the_image_it_starts_from(
    observations: Observations, true_waves: Waves
) -> None:
    box = observations.experiment.box_angstrom
    floor = resolution(LowResolutionPhaser().phase(observations).waves, true_waves, box)
    phased = IterativePhaser(IterativeSettings(iterations=600)).phase(observations)
    assert resolution(phased.waves, true_waves, box) < 0.75 * floor
    assert float(phased.energy_outside_support.max()) < 0.05


def test_the_restraint_keeps_iterations_from_drifting(
    observations: Observations, true_waves: Waves
) -> None:
    box = observations.experiment.box_angstrom
    free, held = (
        resolution(
            IterativePhaser(IterativeSettings(iterations=400, restraint=strength))
            .phase(observations)
            .waves,
            true_waves,
            box,
        )
        for strength in (0.0, 0.3)
    )
    assert held < free


def test_a_restraint_of_no_strength_is_nothing(observations: Observations) -> None:
    moduli = measured_moduli(observations)
    pull = restraint(image_phases(observations, moduli), moduli, 0.0)
    assert float(pull.abs().max()) == 0


def test_the_wrong_pattern_destroys_the_result(
    observations: Observations, true_waves: Waves
) -> None:
    """Wrong-diffraction control: a phaser that ignored the pattern would not notice."""
    phaser = IterativePhaser(IterativeSettings(iterations=400))
    box = observations.experiment.box_angstrom
    right = resolution(phaser.phase(observations).waves, true_waves, box)
    swapped = observations.with_diffraction(observations.diffraction.roll(1, 0))
    wrong = resolution(phaser.phase(swapped).waves, true_waves, box)
    assert wrong > 1.3 * right


def test_an_unknown_algorithm_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'hio'"):
        IterativePhaser(IterativeSettings(algorithm="hoi"))
