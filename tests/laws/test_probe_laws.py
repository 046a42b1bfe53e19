"""Laws of a molecule's far field in a narrow parallel probe."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.beam import BeamSettings
from diffragan.errors import ConfigError
from diffragan.fourier import resize_centred
from diffragan.grid import Grid
from diffragan.physics.forward import diffraction_pattern
from diffragan.physics.illumination import (
    beam_area_angstrom2,
    probe_amplitude,
    probe_area_angstrom2,
    probe_pattern,
)

GRID = Grid(96, 64.0)
WIDE = Grid(288, 192.0)
"""Three times as wide with the same pixels."""

seeds = st.integers(0, 2**31)


def molecule_wave(seed: int, grid: Grid = GRID) -> torch.Tensor:
    """A phase object of some Gaussian atoms within 12 Å of the axis, sampled on a grid."""
    rng = np.random.default_rng(seed)
    axis = (torch.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    phase = torch.zeros(grid.pixels, grid.pixels)
    for x, y, height in rng.uniform((-8, -8, 0.05), (8, 8, 0.3), (20, 3)):
        distance2 = (axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2
        phase += height * torch.exp(-distance2 / (2 * 0.9**2))
    return torch.polar(torch.ones_like(phase), phase) - 1


def naive_pattern(seed: int, beam: BeamSettings, factor: int, pixels: int) -> np.ndarray:
    """The same by one big FFT of P (1 + psi_s) in a box `factor` times as wide."""
    wide = Grid(factor * GRID.pixels, factor * GRID.box_angstrom)
    scattered = resize_centred(molecule_wave(seed), wide.pixels).to(torch.complex128).numpy()
    probe = probe_amplitude(beam, wide).double().numpy()
    wave = probe * (1 + scattered)
    amplitude = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(wave))) * wide.pixel_angstrom**2
    intensity = np.abs(amplitude) ** 2 / wide.box_angstrom**2
    intensity /= (probe**2).sum() * wide.pixel_angstrom**2
    middle = wide.pixels // 2
    picked = intensity[middle % factor :: factor, middle % factor :: factor] * factor**2
    centre = (middle - middle % factor) // factor
    start = centre - pixels // 2
    return np.asarray(picked[start : start + pixels, start : start + pixels])


@given(seeds, st.floats(36, 50), st.floats(1.2, 2))
@settings(max_examples=15)
def test_a_whole_pattern_holds_the_whole_beam(seed: int, diameter: float, edge: float) -> None:
    beam = BeamSettings(probe_diameter_angstrom=diameter, probe_edge_angstrom=edge)
    whole = probe_pattern(molecule_wave(seed), GRID, beam, 95)
    assert float(whole.double().sum()) == pytest.approx(1.0, abs=1e-4)


@given(seeds, st.floats(100, 450), st.floats(3, 10))
@settings(max_examples=15)
def test_it_does_so_for_a_probe_wider_than_the_box(seed: int, diameter: float, edge: float) -> None:
    beam = BeamSettings(probe_diameter_angstrom=diameter, probe_edge_angstrom=edge)
    whole = probe_pattern(molecule_wave(seed), GRID, beam, 95)
    assert float(whole.double().sum()) == pytest.approx(1.0, abs=2e-3)


@given(seeds, st.floats(-6, 6), st.floats(-6, 6))
@settings(max_examples=6)
def test_it_is_the_far_field_of_the_wave_in_the_probe(seed: int, x: float, y: float) -> None:
    """Against an explicit FFT in a box that is three times as wide."""
    beam = BeamSettings(
        probe_diameter_angstrom=44, probe_edge_angstrom=1.5, probe_offset_angstrom=(x, y)
    )
    found = probe_pattern(molecule_wave(seed), GRID, beam, 61).numpy()
    expected = naive_pattern(seed, beam, 3, 61)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-8)


def test_pixels_of_a_narrow_spot_hold_the_mean_of_the_spot() -> None:
    """A probe of 200 Å on a box of 64 Å: against a sum over the samples of a box of 576 Å."""
    beam = BeamSettings(probe_diameter_angstrom=200.0, probe_edge_angstrom=4.0)
    found = probe_pattern(torch.zeros(96, 96, dtype=torch.complex64), GRID, beam, 31)
    factor = 9
    wide = Grid(factor * GRID.pixels, factor * GRID.box_angstrom)
    spot = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(probe_amplitude(beam, wide))))
    intensity = (spot.abs() ** 2 / (spot.abs() ** 2).sum()).double()
    middle = wide.pixels // 2
    start = middle - 15 * factor - factor // 2
    cut = intensity[start : start + 31 * factor, start : start + 31 * factor]
    expected = cut.reshape(31, factor, 31, factor).sum((1, 3)).float()
    # Four samples a side hold the whole beam, and each pixel's share to 1 %.
    torch.testing.assert_close(found[15, 13:18], expected[15, 13:18], rtol=0, atol=0.015)
    assert float(found.sum()) == pytest.approx(float(expected.sum()), abs=2e-3)
    assert float(found[15, 15]) > 0.8


@given(seeds, st.floats(250, 450))
@settings(max_examples=15)
def test_a_wide_probe_scatters_as_a_plane_wave_does(seed: int, diameter: float) -> None:
    """Away from the direct beam, but for the area that shares the electrons."""
    beam = BeamSettings(probe_diameter_angstrom=diameter, probe_edge_angstrom=6.0)
    wave = molecule_wave(seed)
    plane = diffraction_pattern(wave, 61) * GRID.box_angstrom**2
    found = probe_pattern(wave, GRID, beam, 61) * beam_area_angstrom2(beam, GRID)
    away = torch.ones(61, 61, dtype=torch.bool)
    away[24:37, 24:37] = False
    torch.testing.assert_close(found[away], plane[away], rtol=1e-3, atol=1e-5)


@given(seeds, st.floats(-15, 15), st.floats(-15, 15))
@settings(max_examples=15)
def test_an_offset_within_the_flat_top_changes_nothing_away_from_the_spot(
    seed: int, x: float, y: float
) -> None:
    centred = BeamSettings(probe_diameter_angstrom=160, probe_edge_angstrom=9.0)
    moved = BeamSettings(
        probe_diameter_angstrom=160, probe_edge_angstrom=9.0, probe_offset_angstrom=(x, y)
    )
    wave = molecule_wave(seed)
    here, there = (probe_pattern(wave, GRID, beam, 61) for beam in (centred, moved))
    away = torch.ones(61, 61, dtype=torch.bool)
    away[24:37, 24:37] = False
    torch.testing.assert_close(here[away], there[away], rtol=2e-3, atol=1e-9)


def test_an_empty_probe_moved_sideways_makes_the_same_spot() -> None:
    nothing = torch.zeros(96, 96, dtype=torch.complex64)
    patterns = [
        probe_pattern(
            nothing, GRID,
            BeamSettings(
                probe_diameter_angstrom=50, probe_edge_angstrom=2, probe_offset_angstrom=offset
            ), 41,
        )
        for offset in ((0.0, 0.0), (3.0, -2.0))
    ]  # fmt: skip
    torch.testing.assert_close(patterns[0], patterns[1], rtol=1e-3, atol=1e-7)


def test_an_offset_points_from_the_molecule_to_the_probe() -> None:
    beam = BeamSettings(
        probe_diameter_angstrom=20, probe_edge_angstrom=1.0, probe_offset_angstrom=(14.0, 6.0)
    )
    amplitude = probe_amplitude(beam, GRID)
    axis = (torch.arange(96) - 48) * GRID.pixel_angstrom
    total = amplitude.sum()
    assert float((amplitude.sum(0) * axis).sum() / total) == pytest.approx(14.0, abs=0.01)
    assert float((amplitude.sum(1) * axis).sum() / total) == pytest.approx(6.0, abs=0.01)


@given(st.floats(30, 120), st.floats(0.7, 5))
@settings(max_examples=10)
def test_the_area_of_a_probe_is_the_integral_of_its_intensity(diameter: float, edge: float) -> None:
    beam = BeamSettings(
        probe_diameter_angstrom=diameter, probe_edge_angstrom=min(edge, diameter / 7)
    )
    summed = (probe_amplitude(beam, WIDE).double() ** 2).sum() * WIDE.pixel_angstrom**2
    assert probe_area_angstrom2(beam) == pytest.approx(float(summed), rel=1e-3)


def test_a_probe_is_half_at_its_rim_and_one_on_its_flat_part() -> None:
    beam = BeamSettings(probe_diameter_angstrom=96.0, probe_edge_angstrom=4.0)
    row = probe_amplitude(beam, WIDE)[144]
    assert float(row[144 + 72]) == pytest.approx(0.5, abs=0.03)  # 48 Å from the middle
    assert beam.flat_radius_angstrom == 36.0
    flat = WIDE.pixel_angstrom * (torch.arange(288) - 144).abs() <= 36.0
    assert float(row[flat].min()) > 0.998


def test_a_sharp_probe_is_a_disc() -> None:
    beam = BeamSettings(probe_diameter_angstrom=40.0, probe_edge_angstrom=0.0)
    assert set(probe_amplitude(beam, GRID).unique().tolist()) == {0.0, 1.0}
    assert probe_area_angstrom2(beam) == pytest.approx(np.pi * 400)


def test_a_plane_wave_is_a_beam_without_a_probe() -> None:
    wave = torch.stack([molecule_wave(0), molecule_wave(1)])
    found = probe_pattern(wave, GRID, BeamSettings(), 41)
    torch.testing.assert_close(found, diffraction_pattern(wave, 41))
    assert beam_area_angstrom2(BeamSettings(), GRID) == 64.0**2
    assert float(probe_amplitude(BeamSettings(), GRID).min()) == 1.0


def test_gradients_reach_the_wave() -> None:
    beam = BeamSettings(probe_diameter_angstrom=50.0, probe_edge_angstrom=2.0)
    wave = molecule_wave(3).clone().requires_grad_(True)
    probe_pattern(wave[None], GRID, beam, 41)[0, :10].sum().backward()
    assert wave.grad is not None
    assert float(wave.grad.abs().max()) > 0


def test_a_probe_that_does_not_hold_the_molecule_names_the_diameter_that_would() -> None:
    beam = BeamSettings(probe_diameter_angstrom=100.0, probe_edge_angstrom=5.0)
    beam.check_probe_holds(60.0)
    with pytest.raises(ConfigError, match=r"use at least 114\.0 Å"):
        beam.check_probe_holds(80.0)
    BeamSettings(probe_diameter_angstrom=114.0, probe_edge_angstrom=5.0).check_probe_holds(80.0)
    BeamSettings().check_probe_holds(1e4)


def test_an_offset_needs_a_wider_probe() -> None:
    beam = BeamSettings(probe_diameter_angstrom=100.0, probe_offset_angstrom=(3.0, 4.0))
    with pytest.raises(ConfigError, match=r"use at least 104\.0 Å"):
        beam.check_probe_holds(60.0)
