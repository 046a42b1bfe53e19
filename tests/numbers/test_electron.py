import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants

from diffragan.electron import Electron

energies = st.floats(1.0, 1000.0)


@pytest.mark.parametrize(
    ("energy_kev", "wavelength"), [(100.0, 0.0370144), (200.0, 0.0250793), (300.0, 0.0196875)]
)
def test_wavelengths_of_the_textbook(energy_kev: float, wavelength: float) -> None:
    # Kirkland, 3rd ed., table 2.2 (four decimals there); more digits from CODATA 2018.
    assert Electron(energy_kev).wavelength_angstrom == pytest.approx(wavelength, abs=1e-7)


def test_interaction_constant_of_the_textbook() -> None:
    sigma = Electron(200.0).interaction_rad_per_volt_angstrom
    assert sigma == pytest.approx(7.2884e-4, rel=1e-5)


@given(energies)
def test_the_wavelength_is_planck_over_momentum(energy_kev: float) -> None:
    electron = Electron(energy_kev)
    gamma = electron.lorentz_factor
    speed = constants.c * (1 - 1 / gamma**2) ** 0.5
    momentum = gamma * constants.m_e * speed
    assert electron.wavelength_angstrom == pytest.approx(constants.h / momentum * 1e10, rel=1e-6)


@given(energies)
def test_the_interaction_constant_has_kirklands_other_form(energy_kev: float) -> None:
    # sigma = 2 pi / (lambda E) (m c2 + E) / (2 m c2 + E): Kirkland, 3rd ed., eq. 5.6.
    electron = Electron(energy_kev)
    rest = constants.m_e * constants.c**2 / constants.e
    volts = energy_kev * 1e3
    expected = (
        2
        * constants.pi
        / (electron.wavelength_angstrom * volts)
        * (rest + volts)
        / (2 * rest + volts)
    )
    assert electron.interaction_rad_per_volt_angstrom == pytest.approx(expected, rel=1e-6)


@given(energies, st.floats(0.01, 100))
def test_angles_and_frequencies_return(energy_kev: float, angle_mrad: float) -> None:
    electron = Electron(energy_kev)
    assert electron.angle_mrad(electron.frequency_per_angstrom(angle_mrad)) == pytest.approx(
        angle_mrad
    )


def test_twenty_milliradians_at_200_kev() -> None:
    assert Electron(200.0).frequency_per_angstrom(20.0) == pytest.approx(0.79747, abs=1e-5)
