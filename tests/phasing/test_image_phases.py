"""Phases read from an image without noise are the true ones, and pull as far as they are known."""

from dataclasses import replace

import pytest
import torch
from phase_objects import blobs, experiment, observe

from diffragan.fourier import decentred, fft2, fourier
from diffragan.phasing.low_resolution import phase_from_image
from diffragan.phasing.projections import MeasuredModuli, measured_moduli, project_modulus
from diffragan.phasing.restraint import ImagePhases, image_phases, restraint, starting_wave
from diffragan.typing import Tensor

GRIDS = [(64, 64), (64, 128), (96, 64), (128, 256)]
KNOWN_SNR = 100.0


def truth_and_phases(
    wave_pixels: int, image_pixels: int, dose: float
) -> tuple[Tensor, ImagePhases, MeasuredModuli, Tensor]:
    """True coefficients, what the image tells, the moduli, and the counts."""
    setting = experiment(wave_pixels, image_pixels)
    waves, seen = observe(blobs(setting), setting, dose)
    moduli = measured_moduli(seen)
    return fft2(decentred(waves)), image_phases(seen, moduli), moduli, seen.low_resolution


@pytest.mark.parametrize(("wave_pixels", "image_pixels"), GRIDS)
def test_directions_are_those_of_the_wave_with_its_origin_in_the_corner(
    wave_pixels: int, image_pixels: int
) -> None:
    true, phases, _, _ = truth_and_phases(wave_pixels, image_pixels, 1e9)
    known = phases.snr > KNOWN_SNR
    error = torch.angle(phases.direction[known] * true[known].conj()).abs()
    assert int(known.sum()) > 200
    assert float(error.max()) < 0.1
    assert float(error.median()) < 0.01
    torch.testing.assert_close(phases.direction.abs(), torch.ones_like(phases.snr))


@pytest.mark.parametrize(("wave_pixels", "image_pixels"), GRIDS)
def test_the_signal_to_noise_ratio_is_that_of_the_counts(
    wave_pixels: int, image_pixels: int
) -> None:
    """Foretold from the pattern, it must be what the image holds on whatever grid it was taken."""
    _, phases, _, counts = truth_and_phases(wave_pixels, image_pixels, 1e7)
    power = fourier(counts.double()).abs() ** 2 / counts.double().sum((-2, -1))[:, None, None]
    for row, column in ((2, 1), (-3, 2), (4, -4), (0, 5)):
        torch.testing.assert_close(
            phases.snr[:, row, column].double(), power[:, row, column], rtol=0.03, atol=0.01
        )


def test_nothing_is_known_of_the_direct_beam_or_beyond_the_aperture() -> None:
    setting = experiment()
    _, phases, moduli, _ = truth_and_phases(64, 64, 1e9)
    edge = setting.electron.frequency_per_angstrom(5.0)
    beyond = setting.wave_grid.squared_frequencies() > edge**2
    assert float(phases.snr[:, beyond].max()) == 0
    assert float(phases.snr[:, ~moduli.known].max()) == 0


def test_the_start_goes_from_nothing_to_the_true_coefficients_with_the_dose() -> None:
    for dose, share in ((1e-9, 0.0), (1e12, 1.0)):
        true, phases, moduli, _ = truth_and_phases(64, 64, dose)
        start = fft2(starting_wave(phases, moduli))
        well = truth_and_phases(64, 64, 1e9)[1].snr > KNOWN_SNR
        error = (start - share * true)[well].abs()
        assert float(error.max()) < 0.1 * float(true[well].abs().max())
        assert float(error.median()) < 0.01 * float(true[well].abs().max())


def test_a_restraint_turns_known_phases_and_leaves_the_others_to_the_iterate() -> None:
    _, phases, moduli, _ = truth_and_phases(64, 64, 1e9)
    pull = restraint(phases, moduli, 1.0)
    torch.testing.assert_close(restraint(phases, moduli, 0.25), 0.25 * pull)
    held = MeasuredModuli(moduli.modulus, moduli.known, moduli.recorded, pull)
    generator = torch.Generator().manual_seed(1)
    wave = torch.randn(2, 64, 64, dtype=torch.complex64, generator=generator) * 1e-4
    drawn, free = fft2(project_modulus(wave, held)), fft2(project_modulus(wave, moduli))
    sure, unsure = phases.snr > 1e5, (phases.snr == 0) & moduli.known
    torch.testing.assert_close(
        drawn[sure], (moduli.modulus * phases.direction)[sure], rtol=0.05, atol=1e-3
    )
    torch.testing.assert_close(drawn[unsure], free[unsure], rtol=1e-3, atol=1e-5)


def test_an_image_without_an_electron_tells_nothing() -> None:
    setting = experiment()
    _, seen = observe(blobs(setting), setting, 1e9)
    moduli = measured_moduli(seen)
    dark = replace(seen, low_resolution=torch.zeros_like(seen.low_resolution))
    phases = image_phases(dark, moduli)
    assert not phases.snr.any()
    assert not starting_wave(phases, moduli).any()
    assert not restraint(phases, moduli, 1.0).any()
    assert not phase_from_image(dark).any()
