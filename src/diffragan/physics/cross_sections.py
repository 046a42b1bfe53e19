"""Total cross-sections: how often an electron is scattered, elastically and inelastically."""

from functools import lru_cache
from math import exp, log, pi, sqrt

import numpy as np
import torch

from diffragan.constants import (
    ELECTRON_MASS_KG,
    ELEMENTARY_CHARGE_C,
    SPEED_OF_LIGHT_M_PER_S,
)
from diffragan.electron import Electron
from diffragan.physics.form_factors import electron_form_factor
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.vitreous_ice import WATERS_PER_A3

REST_ENERGY_EV = ELECTRON_MASS_KG * SPEED_OF_LIGHT_M_PER_S**2 / ELEMENTARY_CHARGE_C
QUADRATURE_POINTS = 200
"""Far more than the smooth integrand needs."""
TYPICAL_LOSS_EV = 20.0
"""Energy lost at once in light elements, as the cross-sections below take it [eV]."""
HYDROGEN_FACTOR = 0.154
"""Hydrogen's single electron scatters less than the law for the other elements says."""


def squared_velocity(electron: Electron) -> float:
    """Squared velocity of the electron over that of light, beta^2."""
    return 1 - 1 / electron.lorentz_factor**2


def characteristic_angle_rad(energy_loss_ev: float, electron: Electron) -> float:
    """Angle theta_E at which inelastic scattering falls to half [rad].

    E / (gamma m v^2), the relativistic form of E / (2 E_0).

    Source: R. F. Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd ed.
    (2011), sec. 3.2.
    """
    kinetic = electron.lorentz_factor * squared_velocity(electron) * REST_ENERGY_EV
    return energy_loss_ev / kinetic


def bethe_ridge_angle_rad(energy_loss_ev: float, electron: Electron) -> float:
    """Angle sqrt(2 theta_E) beyond which there is next to no inelastic scattering [rad].

    Source: Egerton, 3rd ed. (2011), sec. 3.2: cut-off of the Lorentzian near the Bethe ridge.
    """
    return sqrt(2 * characteristic_angle_rad(energy_loss_ev, electron))


@lru_cache(maxsize=256)
def elastic_cross_section(atomic_number: int, electron: Electron) -> float:
    """Total elastic cross-section of a neutral atom in the first Born approximation [Å2].

    gamma^2 lambda^2 times the integral of f(q)^2 2 pi q dq up to backward scattering at
    q = 2 / lambda; f for an electron at rest, as `electron_form_factor` gives it.

    Raises
    ------
    InputError : The element has no form factor.

    Source: L. Reimer and H. Kohl, Transmission Electron Microscopy, 5th ed. (2008), ch. 5.
    """
    wavelength = electron.wavelength_angstrom
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_POINTS)
    # In u = ln(1 + q) the peak at small q and the long tail are both smooth.
    half_range = log(1 + 2 / wavelength) / 2
    q = torch.from_numpy(np.expm1(half_range * (nodes + 1)))
    factor = electron_form_factor(atomic_number, q)
    integrand = (factor**2 * 2 * pi * q * (1 + q)).numpy()
    integral = half_range * float(weights @ integrand)
    return (electron.lorentz_factor * wavelength) ** 2 * integral


def inelastic_cross_section(
    atomic_number: int, electron: Electron, energy_loss_ev: float = TYPICAL_LOSS_EV
) -> float:
    """Total inelastic cross-section of an atom [Å2].

    1.5e-4 Å2 sqrt(Z) / beta^2 ln(2 / theta_E), for hydrogen times 0.154. Measured values lie
    within a factor of two of it.

    Source: J. P. Langmore and M. F. Smith, Ultramicroscopy 46 (1992) 349; their hydrogen has
    8.8 pm2 at 80 keV.
    """
    angle = characteristic_angle_rad(energy_loss_ev, electron)
    section = 1.5e-4 * sqrt(atomic_number) / squared_velocity(electron) * log(2 / angle)
    return section * (HYDROGEN_FACTOR if atomic_number == 1 else 1.0)


def molecule_inelastic_fraction(
    model: AtomicModel, area_angstrom2: float, electron: Electron, factor: float = 1.0
) -> float:
    """Share of the electrons through an area that lose energy among the atoms in it.

    1 - exp(-sum of cross-sections / area): the mean over the illuminated area, which holds the
    whole molecule.

    Parameters
    ----------
    model : The atoms.
    area_angstrom2 : Area of the beam: of the box for a plane wave, or of the probe [Å2].
    factor : Factor on the cross-sections.
    """
    numbers, counts = torch.unique(model.atomic_numbers, return_counts=True)
    total = sum(
        count * inelastic_cross_section(number, electron)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
    )
    return 1 - exp(-factor * total / area_angstrom2)


def ice_mean_free_path_angstrom(electron: Electron, factor: float = 1.0) -> float:
    """Inelastic mean free path in vitreous ice, from the cross-sections of its atoms [Å].

    Measured: 2030 +- 330 Å at 120 keV (R. Grimm et al., Ultramicroscopy 63 (1996) 169), 3950 Å at
    300 keV (W. J. Rice et al., J. Struct. Biol. 204 (2018) 38).
    """
    molecule = 2 * inelastic_cross_section(1, electron) + inelastic_cross_section(8, electron)
    return 1 / (factor * WATERS_PER_A3 * molecule)


def layer_inelastic_fraction(thickness_angstrom: float, mean_free_path_angstrom: float) -> float:
    """Share of the electrons that lose energy in a layer, 1 - exp(-t / Lambda)."""
    return 1 - exp(-thickness_angstrom / mean_free_path_angstrom)
