"""The coarse real part of a wave: one phase fixed by the beam, then its own or a phase object's."""

import pytest
import torch

from diffragan.fourier import fft2
from diffragan.grid import Grid
from diffragan.phasing.amplitude import (
    DOUBTFUL,
    convergence,
    with_beam_phase,
    with_settled_amplitude,
)
from diffragan.physics.forward import phase_object, with_phase_object_amplitude
from diffragan.typing import Waves

GRID = Grid(64, 40.0)


def some_phase_objects() -> Waves:
    """Three molecules of smooth positive phase, up to 0.5 rad, with empty space around."""
    random = torch.Generator().manual_seed(2)
    axis = (torch.arange(64) - 32) * GRID.pixel_angstrom
    phase = torch.zeros(3, 64, 64)
    for item in range(3):
        for y, x in 16 * torch.rand(40, 2, generator=random) - 8:
            phase[item] += torch.exp(-((axis[:, None] - y) ** 2 + (axis - x) ** 2) / 4)
    return phase_object(0.5 * phase / phase.amax((1, 2), keepdim=True))


@pytest.mark.parametrize("angle", [-0.05, 0.0, 0.02, 0.05])
def test_a_turned_phase_object_is_turned_back(angle: float) -> None:
    true = some_phase_objects()
    turned = true * torch.polar(torch.tensor(1.0), torch.tensor(angle))
    found = with_beam_phase(turned, GRID)
    error = (found - true).abs().amax() / true.abs().amax()
    assert float(error) < 0.1 * max(abs(angle), 0.02)


def test_turning_keeps_moduli_and_places() -> None:
    wave = some_phase_objects() * torch.polar(torch.tensor(1.0), torch.tensor(0.04))
    found = with_beam_phase(wave, GRID)
    torch.testing.assert_close(fft2(found).abs(), fft2(wave).abs(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.abs(), wave.abs(), rtol=1e-4, atol=1e-6)
    shifted = with_beam_phase(wave.roll((5, -9), (-2, -1)), GRID)
    torch.testing.assert_close(shifted, found.roll((5, -9), (-2, -1)), rtol=1e-4, atol=1e-5)


def test_an_empty_wave_stays_empty() -> None:
    assert not with_beam_phase(torch.zeros(2, 64, 64, dtype=torch.complex64), GRID).any()


def test_a_wave_that_converged_keeps_its_own_amplitude_and_another_takes_a_phase_object_s() -> None:
    wave = some_phase_objects()
    wave = torch.complex(wave.real + 0.05 * wave.imag.roll(7, -1), wave.imag)
    error = torch.tensor([0.0, DOUBTFUL, 1.0])
    found = with_settled_amplitude(wave, error, GRID, 2.0)
    turned = with_beam_phase(wave, GRID)
    held = with_phase_object_amplitude(turned, GRID, 2.0)
    torch.testing.assert_close(found[0], turned[0])
    torch.testing.assert_close(found[1], (turned[1] + held[1]) / 2)
    torch.testing.assert_close(found[2], held[2], rtol=1e-3, atol=1e-5)
    assert convergence(error).tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)
