"""Laws the forward model obeys whatever the molecule."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.fourier import fourier, inverse_fourier, resample
from diffragan.grid import Grid
from diffragan.physics.detector import (
    dose_for_snr,
    measured_snr,
    poisson_counts,
    radial_signal_to_noise,
)
from diffragan.physics.forward import (
    diffraction_pattern,
    image,
    measured_region,
    scattered_modulus,
)
from diffragan.physics.multislice import mid_plane_wave, propagator
from diffragan.physics.optics import phase_contrast, transfer_function
from diffragan.physics.potential import whole_potential
from diffragan.rings import ring_correlation, ring_index
from diffragan.structures.atomic_model import AtomicModel

GRID = Grid(96, 32.0)
ELECTRON = Electron(200.0)

seeds = st.integers(0, 2**31)
distances = st.floats(-500.0, 500.0)


def random_molecule(seed: int, atoms: int = 40, size: float = 14.0) -> AtomicModel:
    rng = np.random.default_rng(seed)
    positions = torch.from_numpy(rng.uniform(-size / 2, size / 2, (atoms, 3))).float()
    return AtomicModel(positions, torch.from_numpy(rng.choice([1, 6, 7, 8, 16], atoms)))


def random_wave(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(96, 96, dtype=torch.complex64, generator=generator) * 0.1


@given(seeds, distances)
def test_free_space_keeps_the_energy_and_is_undone_by_going_back(
    seed: int, distance: float
) -> None:
    wave = fourier(random_wave(seed))
    there = wave * propagator(distance, GRID, ELECTRON)
    torch.testing.assert_close(there.abs().pow(2).sum(), wave.abs().pow(2).sum())
    torch.testing.assert_close(there * propagator(-distance, GRID, ELECTRON), wave)


@given(seeds, distances, distances)
def test_two_distances_add(seed: int, first: float, second: float) -> None:
    wave = fourier(random_wave(seed))
    steps = wave * propagator(first, GRID, ELECTRON) * propagator(second, GRID, ELECTRON)
    torch.testing.assert_close(
        steps, wave * propagator(first + second, GRID, ELECTRON), atol=1e-3, rtol=1e-3
    )


@given(seeds)
def test_a_pattern_holds_the_mean_intensity_of_its_wave(seed: int) -> None:
    wave = random_wave(seed)
    whole = diffraction_pattern(wave, 96)
    torch.testing.assert_close(whole.sum(), (1 + wave).abs().pow(2).mean(), rtol=1e-4, atol=1e-6)


@given(seeds)
def test_moduli_of_a_pattern_are_those_of_the_wave(seed: int) -> None:
    wave = random_wave(seed)
    modulus = scattered_modulus(diffraction_pattern(wave, 96), 96)
    expected = fourier(wave).abs()
    expected[0, 0] = modulus[0, 0]  # the direct beam hides the scattered wave there
    torch.testing.assert_close(modulus, expected, rtol=1e-3, atol=1e-3)


@given(seeds)
@settings(max_examples=10)
def test_scattering_neither_makes_nor_loses_electrons(seed: int) -> None:
    wave = mid_plane_wave(random_molecule(seed), GRID, ELECTRON, 1.0)
    intensity = (1 + wave).abs().pow(2).mean()
    assert float(intensity) == pytest.approx(1.0, abs=2e-3)  # the band limit takes a little


@given(seeds)
@settings(max_examples=10)
def test_a_weak_object_scatters_i_times_its_projected_potential(seed: int) -> None:
    """At a thousandth of the interaction the wave is linear: Born approximation."""
    model = random_molecule(seed, atoms=5, size=6.0)
    flat = AtomicModel(model.positions * torch.tensor([1.0, 1.0, 0.0]), torch.ones(5).long())
    strong = Electron(2900.0)
    wave = mid_plane_wave(flat, GRID, strong, 2.0)
    phase = strong.interaction_rad_per_volt_angstrom * whole_potential(flat, GRID)
    expected = torch.fft.fftshift(phase)
    assert float((wave.imag - expected).abs().max()) < 0.02 * float(expected.max())
    assert float(wave.real.abs().max()) < 0.1 * float(expected.max())


@given(seeds, st.floats(-12, 12), st.floats(-12, 12))
@settings(max_examples=10)
def test_moving_a_molecule_moves_its_wave(seed: int, x: float, y: float) -> None:
    model = random_molecule(seed)
    still = fourier(mid_plane_wave(model, GRID, ELECTRON, 2.0))
    moved = fourier(mid_plane_wave(model.shifted(torch.tensor([x, y, 0.0])), GRID, ELECTRON, 2.0))
    q = GRID.axis_frequencies(dtype=torch.float64)
    ramp = torch.exp(-2j * torch.pi * (q[None, :] * x + q[:, None] * y)).to(still.dtype)
    torch.testing.assert_close(moved, still * ramp, rtol=1e-2, atol=2e-3 * float(still.abs().max()))


def test_turning_about_the_beam_turns_the_wave() -> None:
    model = random_molecule(3)
    quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    still = mid_plane_wave(model, GRID, ELECTRON, 2.0)
    turned = mid_plane_wave(model.rotated(quarter), GRID, ELECTRON, 2.0)
    # Turned about the pixel n // 2: the first row and column have no mirror.
    expected = torch.rot90(still[1:, 1:], -1, (0, 1))
    torch.testing.assert_close(turned[1:, 1:], expected, rtol=1e-3, atol=1e-4)


def test_gradients_reach_the_positions() -> None:
    model = random_molecule(1, atoms=8)
    positions = model.positions.clone().requires_grad_(True)
    wave = mid_plane_wave(AtomicModel(positions, model.atomic_numbers), GRID, ELECTRON, 2.0)
    loss = diffraction_pattern(wave, 41)[:10].sum() * 1e6
    loss.backward()
    step = 5e-2  # of a smaller one single precision keeps too few digits
    direction = torch.zeros_like(positions)
    direction[3, 0] = step

    def at(points: torch.Tensor) -> float:
        shifted = mid_plane_wave(AtomicModel(points, model.atomic_numbers), GRID, ELECTRON, 2.0)
        return float(diffraction_pattern(shifted, 41)[:10].double().sum() * 1e6)

    with torch.no_grad():
        slope = (at(positions + direction) - at(positions - direction)) / (2 * step)
    assert positions.grad is not None
    assert float(positions.grad[3, 0]) == pytest.approx(slope, rel=0.03)


def test_the_wave_is_the_same_on_a_finer_grid_where_both_hold_it() -> None:
    model = random_molecule(5)
    coarse = mid_plane_wave(model, GRID, ELECTRON, 2.0)
    fine = resample(mid_plane_wave(model, GRID.with_pixels(192), ELECTRON, 2.0), 96)
    inside = GRID.squared_frequencies() <= (0.5 * GRID.nyquist_per_angstrom) ** 2
    a, b = fourier(coarse)[inside], fourier(fine)[inside]
    assert float((a - b).abs().pow(2).sum().sqrt() / b.abs().pow(2).sum().sqrt()) < 0.02


@given(st.floats(50, 3000), st.floats(0, 3))
def test_contrast_of_a_weak_phase_object_is_linear(defocus: float, cs: float) -> None:
    optics = OpticsSettings(
        defocus_angstrom=defocus, spherical_aberration_mm=cs, aperture_mrad=15.0
    )
    generator = torch.Generator().manual_seed(0)
    phase = torch.randn(96, 96, generator=generator) * 1e-3
    phase = phase - phase.mean()
    contrast = image(1j * phase, GRID, optics, ELECTRON) - 1
    linear = inverse_fourier(fourier(phase) * phase_contrast(optics, GRID, ELECTRON)).real
    torch.testing.assert_close(contrast, linear, rtol=0, atol=2e-5)


def test_the_first_zero_at_1000_angstrom_is_at_5_angstrom() -> None:
    """findings: 5.01 Å at 200 keV, since pi lambda defocus q^2 = pi there."""
    grid = Grid(2048, 2000.0)
    contrast = phase_contrast(OpticsSettings(defocus_angstrom=1000.0), grid, ELECTRON)[0, :900]
    first = int((contrast[50:-1].sign() != contrast[51:].sign()).nonzero()[0]) + 50
    assert 2000.0 / first == pytest.approx(5.01, abs=0.02)


def test_an_aperture_lets_nothing_pass_beyond_it() -> None:
    optics = OpticsSettings(defocus_angstrom=0.0, aperture_mrad=5.0)
    lens = transfer_function(optics, GRID, ELECTRON)
    q = torch.sqrt(GRID.squared_frequencies())
    assert lens[q > 5e-3 / ELECTRON.wavelength_angstrom].abs().max() == 0
    assert lens[q < 4.9e-3 / ELECTRON.wavelength_angstrom].abs().min() == 1


def test_focal_spread_damps_high_frequencies_as_its_formula_says() -> None:
    optics = OpticsSettings(defocus_angstrom=0.0, focal_spread_angstrom=60.0)
    lens = transfer_function(optics, GRID, ELECTRON)
    q2 = float(GRID.squared_frequencies()[0, 20])
    expected = np.exp(-0.5 * (np.pi * ELECTRON.wavelength_angstrom * 60.0 * q2) ** 2)
    assert float(lens[0, 20].abs()) == pytest.approx(expected, rel=1e-5)


def test_counts_have_the_mean_and_variance_of_poisson() -> None:
    intensity = torch.full((400, 400), 0.9)
    grid = Grid(400, 100.0)
    counts = poisson_counts(intensity, 200.0, grid, np.random.default_rng(0)).double()
    expected = 0.9 * 200.0 * 0.25**2
    assert float(counts.mean()) == pytest.approx(expected, rel=0.005)
    assert float(counts.var()) == pytest.approx(expected, rel=0.02)


def test_the_dose_found_gives_the_signal_to_noise_asked() -> None:
    wave = mid_plane_wave(random_molecule(2, atoms=150), GRID, ELECTRON, 2.0)
    optics = OpticsSettings(defocus_angstrom=1000.0, aperture_mrad=8.0)
    picture = image(wave, GRID, optics, ELECTRON)
    dose = dose_for_snr(picture, 0.8, (8.0, 5.0), GRID)
    found = [
        measured_snr(
            poisson_counts(picture, dose, GRID, np.random.default_rng(seed)),
            picture, dose, (8.0, 5.0), GRID,
        )
        for seed in range(200)
    ]  # fmt: skip
    assert 1 / np.mean(1 / np.array(found)) == pytest.approx(0.8, rel=0.05)


def test_pure_noise_has_no_signal() -> None:
    counts = torch.from_numpy(np.random.default_rng(0).poisson(20.0, (1, 128, 128)))
    snr = radial_signal_to_noise(counts)
    assert float(snr[0, 10:].mean()) < 0.1


def test_the_measured_region_is_all_but_the_direct_beam() -> None:
    region = measured_region(11, 0.5)
    assert int((~region).sum()) == 1
    assert not region[5, 5]
    assert int((~measured_region(11, 1.0)).sum()) == 5


def test_friedel_pairs_differ_by_the_curvature_of_the_ewald_sphere_only() -> None:
    """A flat weak object scatters alike to q and -q."""
    model = random_molecule(7)
    flat = AtomicModel(model.positions * torch.tensor([1.0, 1.0, 0.0]), model.atomic_numbers)
    wave = mid_plane_wave(flat, GRID, ELECTRON, 2.0)
    spectrum = fourier(wave)
    mirrored = torch.roll(torch.flip(spectrum, (0, 1)), (1, 1), (0, 1)).conj()
    rings = ring_index((96, 96))
    same = ring_correlation(1j * spectrum, -1j * mirrored, rings, 30)
    assert float(same[1:].abs().min()) > 0.9
