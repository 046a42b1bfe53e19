"""The size of a molecule comes from its pattern, and the support covers that size exactly."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from phase_objects import experiment

from diffragan.fourier import fft2
from diffragan.grid import Grid
from diffragan.phasing.projections import MeasuredModuli
from diffragan.phasing.support import (
    AREA_FACTOR,
    VOLUME_A3_PER_DALTON,
    estimate_support,
    grown,
    mass_from_pattern,
    molecule_envelope,
    smooth,
    support_area,
)
from diffragan.physics.potential import whole_potential
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor, Waves

GRID = Grid(32, 24.0)
RESIDUE = {1: 7.8, 6: 4.87, 7: 1.36, 8: 1.46, 16: 0.04}
"""Atoms of an average residue of 110 Da."""
seeds = st.integers(0, 2**31)


def random_waves(seed: int) -> Waves:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 32, 32, dtype=torch.complex128, generator=generator)


def protein(residues: int, seed: int = 0, spread: float = 30.0) -> AtomicModel:
    """Atoms of average protein anywhere in a flat square."""
    random = np.random.default_rng(seed)
    numbers = np.concatenate([np.full(round(n * residues), z) for z, n in RESIDUE.items()])
    places = random.uniform(-spread / 2, spread / 2, (len(numbers), 3)) * [1, 1, 0]
    return AtomicModel(torch.from_numpy(places).float(), torch.from_numpy(numbers))


def born_moduli(model: AtomicModel) -> MeasuredModuli:
    """Moduli of single scattering on a grid that holds the whole Wilson band."""
    setting = experiment(128)
    sigma = setting.electron.interaction_rad_per_volt_angstrom
    modulus = fft2(1j * sigma * whole_potential(model, setting.wave_grid)).abs()
    known = torch.ones(128, 128, dtype=torch.bool)
    return MeasuredModuli(modulus[None], known, known)


@pytest.mark.parametrize("residues", [25, 100, 400])
def test_single_scattering_tells_the_mass_of_average_protein(residues: int) -> None:
    """Random atoms: the power of 2600 coefficients is the sum of f^2 to a few percent."""
    setting = experiment(128)
    masses = [float(mass_from_pattern(born_moduli(protein(residues, s)), setting)) for s in (0, 1)]
    assert np.mean(masses) == pytest.approx(110 * residues, rel=0.06)


def test_two_copies_have_twice_the_mass_wherever_they_stand() -> None:
    setting, one = experiment(128), protein(50, spread=12.0)
    single = float(mass_from_pattern(born_moduli(one), setting))
    for apart in ((14.0, 3.0), (-5.0, 16.0)):
        second = one.shifted(torch.tensor([*apart, 0.0]))
        both = AtomicModel(
            torch.cat([one.positions, second.positions]), one.atomic_numbers.repeat(2)
        )
        assert float(mass_from_pattern(born_moduli(both), setting)) == pytest.approx(
            2 * single, rel=0.05
        )
        alone = float(mass_from_pattern(born_moduli(second), setting))
        assert alone == pytest.approx(single, rel=1e-3)


def test_the_mass_is_read_from_measured_places_alone() -> None:
    """Masking half of the pattern takes half of the expected power away with the measured one."""
    setting, moduli = experiment(128), born_moduli(protein(200))
    half = moduli.known.clone()
    half[:, 64:] = False
    garbage = torch.where(half, moduli.modulus, 1e6)
    masked = mass_from_pattern(MeasuredModuli(garbage, half, moduli.recorded), setting)
    assert float(masked) == pytest.approx(float(mass_from_pattern(moduli, setting)), rel=0.05)


@given(st.floats(1e3, 1e7))
def test_the_area_is_that_of_a_sphere_with_a_border_and_grows_slower_than_the_mass(
    mass: float,
) -> None:
    area, twice = support_area(torch.tensor([mass, 2 * mass], dtype=torch.float64)).tolist()
    sphere = np.pi * (3 * VOLUME_A3_PER_DALTON * mass / (4 * np.pi)) ** (2 / 3)
    assert area > AREA_FACTOR * sphere
    assert 1 < twice / area < 2 ** (2 / 3)


@given(seeds, st.floats(1.0, 500.0), st.floats(0.5, 4.0))
@settings(max_examples=30)
def test_a_support_has_the_area_asked_for_and_lies_inside_every_larger_one(
    seed: int, area: float, sigma: float
) -> None:
    waves = random_waves(seed)
    asked = torch.tensor([area, 0.5 * area])
    found = estimate_support(waves, asked, sigma, GRID)
    pixels = (asked / GRID.pixel_angstrom**2).round().clamp(min=1)
    assert found.sum((1, 2)).tolist() == pixels.tolist()
    larger = estimate_support(waves, 1.1 * asked, sigma, GRID)
    assert bool((larger | ~found).all())


def test_an_area_beyond_the_box_is_the_box() -> None:
    assert estimate_support(random_waves(0), torch.tensor([1e6, 576.0]), 2.0, GRID).all()


@given(seeds, st.tuples(st.integers(0, 31), st.integers(0, 31)), st.floats(1e-3, 1e3))
@settings(max_examples=20)
def test_a_support_moves_with_its_wave_and_does_not_ask_how_strong_it_is(
    seed: int, by: tuple[int, int], strength: float
) -> None:
    waves, area = random_waves(seed), torch.tensor([100.0, 150.0])
    here = estimate_support(waves, area, 2.0, GRID)
    there = estimate_support(strength * waves.roll(by, (1, 2)), area, 2.0, GRID)
    assert torch.equal(there, here.roll(by, (1, 2)))


def test_negative_phases_and_amplitudes_mark_no_molecule() -> None:
    waves = torch.zeros(1, 32, 32, dtype=torch.complex128)
    waves[0, 5:8, 5:8], waves[0, 20:24, 20:24] = 1j, -9j + 9
    found = estimate_support(waves, torch.tensor([30 * GRID.pixel_angstrom**2]), 1.5, GRID)
    assert bool(found[0, 5:8, 5:8].all())
    assert not found[0, 16:, 16:].any()


def test_smoothing_spreads_a_point_to_a_gaussian_of_that_width() -> None:
    point: Tensor = torch.zeros(1, 32, 32, dtype=torch.float64)
    point[0, 0, 0] = 1
    spread = smooth(point, 2.0, GRID)[0]
    axis = torch.fft.fftfreq(32, 1 / 24.0, dtype=torch.float64)
    assert float(spread.sum()) == pytest.approx(1)
    assert float((spread.sum(0) * axis**2).sum()) == pytest.approx(2.0**2, rel=1e-3)
    assert float(spread.min()) > -1e-9


def peaked(places: list[tuple[int, int]], phase_rad: float) -> Waves:
    """Atoms of a Gaussian phase, origin anywhere, for the support does not ask where it is."""
    points = torch.zeros(1, 32, 32, dtype=torch.float64)
    for y, x in places:
        points[0, y, x] = 1
    spots = smooth(points, 0.8, GRID)
    return torch.complex(torch.zeros_like(spots), phase_rad * spots / spots.max())


def test_an_envelope_holds_what_stands_out_of_vacuum_and_nothing_of_noise() -> None:
    found = molecule_envelope(peaked([(8, 9), (9, 12)], 0.5), GRID)
    assert bool(found[0, 7:10, 8:11].all())
    assert not found[0, 20:].any()
    noise = 0.02 * random_waves(0)
    assert float(molecule_envelope(noise, GRID).float().mean()) < 0.02
    assert not molecule_envelope(0 * noise, GRID).any()
    # psi_s has a unit of its own, so a fainter molecule has a smaller envelope.
    faint = molecule_envelope(peaked([(8, 9), (9, 12)], 0.05), GRID)
    assert 0 < int(faint.sum()) < int(found.sum())
    assert not molecule_envelope(peaked([(8, 9)], -0.5), GRID).any()


@given(seeds, st.tuples(st.integers(0, 31), st.integers(0, 31)))
@settings(max_examples=20)
def test_an_envelope_moves_with_its_wave(seed: int, by: tuple[int, int]) -> None:
    waves = 0.3 * random_waves(seed)
    here = molecule_envelope(waves, GRID)
    assert torch.equal(molecule_envelope(waves.roll(by, (1, 2)), GRID), here.roll(by, (1, 2)))


@pytest.mark.parametrize("by", [1.0, 2.0, 4.0])
def test_a_support_grows_by_as_much_as_it_is_told(by: float) -> None:
    grid = Grid(128, 64.0)
    half = torch.zeros(1, 128, 128, dtype=torch.bool)
    half[:, 40:80] = True
    grown_rows = grown(half, by, grid)[0, :, 5]
    reach = (int(grown_rows.sum()) - 40) / 2 * grid.pixel_angstrom
    assert reach == pytest.approx(by, abs=grid.pixel_angstrom)
    assert bool((grown(half, by, grid) | ~half).all())


@given(seeds, st.floats(0.5, 4.0))
@settings(max_examples=20)
def test_growing_keeps_what_was_inside_and_nothing_grows_from_nothing(seed: int, by: float) -> None:
    discs = molecule_envelope(random_waves(seed) * 0.2, GRID)
    discs = grown(discs, 2.0, GRID)
    larger = grown(discs, by, GRID)
    assert bool((larger | ~discs).all())
    assert torch.equal(grown(discs, 0.0, GRID), discs)
    assert not grown(torch.zeros_like(discs), by, GRID).any()
    assert grown(torch.ones_like(discs), by, GRID).all()
