"""Laws of pure phase objects, and of the waves that are held to one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import fourier
from diffragan.grid import Grid
from diffragan.physics.forward import (
    diffraction_pattern,
    image,
    phase_object,
    projected_potential_of,
    with_phase_object_amplitude,
)
from diffragan.typing import Images, Waves

PIXELS = 32
GRID = Grid(PIXELS, 16.0)
ELECTRON = Electron(200.0)
seeds = st.integers(0, 2**31)
strengths = st.floats(1e-3, 3.0)
resolutions = st.floats(1.5, 6.0)


def phases(seed: int, strength: float) -> Images:
    generator = torch.Generator().manual_seed(seed)
    return strength * (
        2 * torch.rand(2, PIXELS, PIXELS, generator=generator, dtype=torch.float64) - 1
    )


def waves(seed: int, strength: float) -> Waves:
    return torch.complex(phases(seed, strength), phases(seed + 1, strength))


@given(seeds, strengths)
def test_a_phase_object_takes_no_electron_away(seed: int, strength: float) -> None:
    wave = phase_object(phases(seed, strength))
    torch.testing.assert_close((1 + wave).abs(), torch.ones_like(wave.real))
    whole = diffraction_pattern(wave, PIXELS).sum((-2, -1))
    torch.testing.assert_close(whole, torch.ones(2, dtype=torch.float64))


@given(seeds, strengths)
def test_two_phase_objects_behind_each_other_are_one_of_their_sum(
    seed: int, strength: float
) -> None:
    first, second = phases(seed, strength), phases(seed + 1, strength)
    both = (1 + phase_object(first)) * (1 + phase_object(second)) - 1
    torch.testing.assert_close(both, phase_object(first + second))


@given(seeds, strengths)
def test_the_potential_of_a_phase_object_comes_back(seed: int, strength: float) -> None:
    potential = phases(seed, strength) / ELECTRON.interaction_rad_per_volt_angstrom
    sigma = ELECTRON.interaction_rad_per_volt_angstrom
    found = projected_potential_of(phase_object(sigma * potential), ELECTRON)
    torch.testing.assert_close(found, potential)


@given(seeds, strengths)
def test_in_focus_a_phase_object_is_invisible(seed: int, strength: float) -> None:
    picture = image(
        phase_object(phases(seed, strength)), GRID, OpticsSettings(defocus_angstrom=0), ELECTRON
    )
    torch.testing.assert_close(picture, torch.ones_like(picture), rtol=1e-5, atol=1e-5)


@given(seeds, strengths, st.floats(10, 5000))
@settings(max_examples=30)
def test_defocus_moves_intensity_about_and_overfocus_turns_weak_contrast_round(
    seed: int, strength: float, defocus: float
) -> None:
    under, over = (
        image(phase_object(phase), GRID, OpticsSettings(defocus_angstrom=sign * defocus), ELECTRON)
        for phase, sign in ((phases(seed, strength), 1), (phases(seed, strength), -1))
    )
    for picture in (under, over):
        mean = picture.mean((-2, -1))
        torch.testing.assert_close(mean, torch.ones_like(mean), rtol=1e-5, atol=1e-5)
    weak = [
        image(
            phase_object(phases(seed, 1e-4)),
            GRID,
            OpticsSettings(defocus_angstrom=sign * defocus),
            ELECTRON,
        )
        for sign in (1, -1)
    ]
    torch.testing.assert_close(weak[0] + weak[1], 2 * torch.ones_like(weak[0]), rtol=0, atol=1e-6)


@given(seeds, strengths, resolutions)
def test_only_the_coarse_amplitude_is_replaced(
    seed: int, strength: float, resolution: float
) -> None:
    wave = waves(seed, strength)
    held = with_phase_object_amplitude(wave, GRID, resolution)
    assert torch.equal(held.imag, wave.imag)
    coarse = GRID.squared_frequencies() < 1 / resolution**2
    found, before = fourier(held.real), fourier(wave.real)
    wanted = fourier(torch.cos(wave.imag) - 1)
    torch.testing.assert_close(found[:, coarse], wanted[:, coarse], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found[:, ~coarse], before[:, ~coarse], rtol=1e-6, atol=1e-6)


@given(seeds, strengths, resolutions)
def test_holding_twice_is_holding_once(seed: int, strength: float, resolution: float) -> None:
    once = with_phase_object_amplitude(waves(seed, strength), GRID, resolution)
    torch.testing.assert_close(with_phase_object_amplitude(once, GRID, resolution), once)


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.4])
def test_a_phase_object_is_its_own_to_the_fourth_order(strength: float) -> None:
    """cos(phi) and cos(sin(phi)) part at phi^4 / 6."""
    wave = phase_object(phases(0, strength))
    held = with_phase_object_amplitude(wave, GRID, 0.1)
    assert 0.05 * strength**4 < float((held - wave).abs().max()) < strength**4 / 6


@given(seeds, st.sampled_from([15, 16, 33]), st.floats(0.1, 8.0))
@settings(max_examples=30)
def test_holding_is_the_naive_filter_of_a_complex_transform_on_any_grid(
    seed: int, pixels: int, resolution: float
) -> None:
    """Also where all frequencies are coarse, and wherever the origin lies."""
    grid = Grid(pixels, 16.0)
    wave = torch.complex(
        *torch.randn(2, 3, pixels, pixels, generator=torch.Generator().manual_seed(seed))
    )
    coarse = grid.squared_frequencies() < 1 / resolution**2
    missing = torch.cos(wave.imag) - 1 - wave.real
    expected = wave.real + torch.fft.ifft2(torch.fft.fft2(missing) * coarse).real
    found = with_phase_object_amplitude(wave, grid, resolution)
    torch.testing.assert_close(found.real, expected, rtol=1e-4, atol=1e-5)
    rolled = with_phase_object_amplitude(wave.roll((3, -5), (1, 2)), grid, resolution)
    torch.testing.assert_close(rolled, found.roll((3, -5), (1, 2)), rtol=1e-4, atol=1e-5)
