"""The absolute scale of scattering against published cross-sections."""

from math import exp

import numpy as np
import pytest
import torch

from diffragan.electron import Electron
from diffragan.physics.cross_sections import (
    bethe_ridge_angle_rad,
    characteristic_angle_rad,
    elastic_cross_section,
    ice_mean_free_path_angstrom,
    inelastic_cross_section,
    layer_inelastic_fraction,
    molecule_inelastic_fraction,
    squared_velocity,
)
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.vitreous_ice import WATERS_PER_A3

PROTEIN = {6: 4.9, 1: 7.8, 7: 1.35, 8: 1.5, 16: 0.04}
"""Atoms in an average residue."""


def langmore_smith(number: int, electron: Electron) -> float:
    """Elastic cross-section [Å2]; J. P. Langmore and M. F. Smith, Ultramicroscopy 46 (1992) 349."""
    beta2 = squared_velocity(electron)
    return 1.4e-4 * number**1.5 / beta2 * (1 - 0.26 * number / (137 * beta2**0.5))


@pytest.mark.parametrize("energy_kev", [100.0, 200.0, 300.0])
def test_light_atoms_scatter_as_much_as_langmore_and_smith_say(energy_kev: float) -> None:
    """Their smooth power of Z misses the shells of single elements by a fifth, not the mean."""
    electron = Electron(energy_kev)
    ratios = [elastic_cross_section(z, electron) / langmore_smith(z, electron) for z in (6, 7, 8)]
    assert ratios == pytest.approx([1.0, 1.0, 1.0], abs=0.25)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)


def test_carbon_scatters_twice_as_much_at_100_as_at_300_kev() -> None:
    """Measured: 2.01; M. J. Peet, R. Henderson and C. J. Russo, Ultramicroscopy 203 (2019) 125."""
    slow, fast = (elastic_cross_section(6, Electron(energy)) for energy in (100.0, 300.0))
    assert slow / fast == pytest.approx(2.01, abs=0.02)


def test_the_integral_equals_that_of_other_form_factors() -> None:
    """gemmi's, International Tables C, table 4.3.2.2, which hold to q = 4 1/Å."""
    gemmi = pytest.importorskip("gemmi")
    electron = Electron(200.0)
    q = np.linspace(0, 4, 4001)
    for symbol, number in (("C", 6), ("N", 7), ("O", 8), ("S", 16)):
        coefficients = gemmi.Element(symbol).c4322
        factor = np.array([coefficients.calculate_sf((value / 2) ** 2) for value in q])
        integral = np.trapezoid(factor**2 * 2 * np.pi * q, q)
        expected = (electron.lorentz_factor * electron.wavelength_angstrom) ** 2 * integral
        assert elastic_cross_section(number, electron) == pytest.approx(expected, rel=0.05)


def test_the_characteristic_angle_is_the_textbooks() -> None:
    """E / (2 E_0) times (E_0 + mc2) / (E_0 / 2 + mc2): Egerton's relativistic form."""
    rest = 510.99895
    for energy in (80.0, 200.0, 300.0):
        expected = 0.020 / energy * (energy + rest) / (energy + 2 * rest)
        assert characteristic_angle_rad(20.0, Electron(energy)) == pytest.approx(expected, rel=1e-6)
    assert bethe_ridge_angle_rad(20.0, Electron(200.0)) == pytest.approx(10.8e-3, rel=1e-2)


def test_hydrogen_loses_8_8_square_picometres_at_80_kev() -> None:
    """Langmore and Smith (1992), in pm2."""
    assert inelastic_cross_section(1, Electron(80.0)) * 1e4 == pytest.approx(8.8, rel=0.01)


def test_more_than_sixty_percent_of_what_carbon_scatters_loses_energy() -> None:
    """At 100 keV; International Tables F (2006), sec. 19.2.1."""
    electron = Electron(100.0)
    inelastic = inelastic_cross_section(6, electron)
    share = inelastic / (inelastic + elastic_cross_section(6, electron))
    assert 0.59 < share < 0.8


def test_a_protein_scatters_inelastically_more_often_than_elastically() -> None:
    """R. Henderson, Q. Rev. Biophys. 28 (1995) 171, takes 3 to 1; Langmore and Smith give less."""
    electron = Electron(200.0)
    inelastic, elastic = (
        sum(count * section(number, electron) for number, count in PROTEIN.items())
        for section in (inelastic_cross_section, elastic_cross_section)
    )
    assert 1.5 < inelastic / elastic < 3.5


@pytest.mark.parametrize(
    ("energy_kev", "measured", "error"),
    [
        (120.0, 2030.0, 330.0),  # R. Grimm et al., Ultramicroscopy 63 (1996) 169
        (300.0, 3950.0, 400.0),  # W. J. Rice et al., J. Struct. Biol. 204 (2018) 38
    ],
)
def test_the_mean_free_path_in_ice_is_the_measured_one(
    energy_kev: float, measured: float, error: float
) -> None:
    assert ice_mean_free_path_angstrom(Electron(energy_kev)) == pytest.approx(measured, abs=error)


def test_a_slab_of_water_atoms_loses_as_much_as_its_thickness_says() -> None:
    electron, side, thickness = Electron(200.0), 70.0, 300.0
    molecules = round(WATERS_PER_A3 * side**2 * thickness)
    slab = AtomicModel(torch.zeros(3 * molecules, 3), torch.tensor([8, 1, 1]).repeat(molecules))
    found = molecule_inelastic_fraction(slab, side**2, electron)
    expected = layer_inelastic_fraction(thickness, ice_mean_free_path_angstrom(electron))
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_shares_follow_lambert_and_beer() -> None:
    assert layer_inelastic_fraction(0.0, 3000.0) == 0.0
    assert layer_inelastic_fraction(3000.0, 3000.0) == pytest.approx(1 - exp(-1))
    electron = Electron(200.0)
    atom = AtomicModel(torch.zeros(1, 3), torch.tensor([6]))
    found = molecule_inelastic_fraction(atom, 1e4, electron, factor=2.0)
    assert found == pytest.approx(2 * inelastic_cross_section(6, electron) / 1e4, rel=1e-5)
    assert ice_mean_free_path_angstrom(electron, 2.0) == pytest.approx(
        ice_mean_free_path_angstrom(electron) / 2
    )
