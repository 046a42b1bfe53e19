"""The fast electron: wavelength and interaction constant."""

from dataclasses import dataclass
from math import pi, sqrt

from diffragan.constants import (
    ANGSTROM_M,
    ELECTRON_MASS_KG,
    ELEMENTARY_CHARGE_C,
    MILLI,
    PLANCK_J_S,
    SPEED_OF_LIGHT_M_PER_S,
)


@dataclass(frozen=True, slots=True)
class Electron:
    """An electron accelerated by `energy_kev` [keV]."""

    energy_kev: float

    @property
    def wavelength_angstrom(self) -> float:
        """Relativistic wavelength [Å]; Kirkland, 3rd ed., eq. 2.5."""
        energy_j = self.energy_kev * 1e3 * ELEMENTARY_CHARGE_C
        rest_j = ELECTRON_MASS_KG * SPEED_OF_LIGHT_M_PER_S**2
        momentum = sqrt(energy_j * (2 * rest_j + energy_j)) / SPEED_OF_LIGHT_M_PER_S
        return PLANCK_J_S / momentum / ANGSTROM_M

    @property
    def lorentz_factor(self) -> float:
        """Mass over rest mass."""
        rest_j = ELECTRON_MASS_KG * SPEED_OF_LIGHT_M_PER_S**2
        return 1 + self.energy_kev * 1e3 * ELEMENTARY_CHARGE_C / rest_j

    @property
    def interaction_rad_per_volt_angstrom(self) -> float:
        """Phase shift per projected potential, sigma [rad/(V Å)]; Kirkland, 3rd ed., eq. 5.6."""
        wavelength_m = self.wavelength_angstrom * ANGSTROM_M
        mass = ELECTRON_MASS_KG * self.lorentz_factor
        sigma_per_volt_m = 2 * pi * mass * ELEMENTARY_CHARGE_C * wavelength_m / PLANCK_J_S**2
        return sigma_per_volt_m * ANGSTROM_M

    def frequency_per_angstrom(self, angle_mrad: float) -> float:
        """Spatial frequency scattered to an angle (small-angle, q = angle / wavelength) [1/Å]."""
        return angle_mrad * MILLI / self.wavelength_angstrom

    def angle_mrad(self, frequency_per_angstrom: float) -> float:
        """Scattering angle of a spatial frequency [mrad]."""
        return frequency_per_angstrom * self.wavelength_angstrom / MILLI
