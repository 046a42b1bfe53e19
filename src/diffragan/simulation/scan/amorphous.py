"""Vitreous ice and amorphous carbon: one computed piece of each, cut and turned at random.

A layer changes the wave by exp(c), with c its complex phase. The phases of layers add, and those
of places far apart do not resemble each other, so c of a layer t thick is that of a computed piece
of t_0 times sqrt(t / t_0). The mean of c, the inner potential, goes with t and is kept apart.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.scan_simulation import ScanSimulation
from diffragan.electron import Electron
from diffragan.fourier import centred, ifft2
from diffragan.grid import Grid
from diffragan.io.ice_block import packaged_ice_block
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.physics.multislice import mid_plane_wave
from diffragan.simulation.scan.periodic import Periodic, periodic
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.ice_filling import fill_box
from diffragan.structures.vitreous_ice import HYDROGEN, OXYGEN, WATERS_PER_A3

CARBON = 6
CARBONS_PER_A3 = 0.1
"""Amorphous carbon of 2.0 g/cm3: J. Robertson, Mater. Sci. Eng. R 37 (2002) 129, table 2."""
CARBON_B_FACTOR_A2 = 2.0
CARBON_RINGS = ((2.1, 1.0, 0.055), (1.2, 1.0, 0.085))
"""Spacing [Å], height and width [1/Å] of the maxima of the structure factor: the broad rings at
2.1 and 1.2 Å of evaporated films (Cockayne and McKenzie, Acta Cryst. A44 (1988) 870)."""
CARBON_LONG_RANGE = 0.35
"""Structure factor at small angles: density varies more than in ice, for films have voids."""
CARBON_PIECE_ANGSTROM = 100.0


@dataclass(frozen=True, slots=True)
class Amorphous:
    """A computed piece of an amorphous layer."""

    phase: Periodic
    """Complex phase c of the piece, without its mean."""
    thickness_angstrom: float
    inner_rad_per_angstrom: float
    """Phase shift by the mean inner potential over each ångström of thickness [rad/Å]."""


def inner_potential_volt(elements: dict[int, float]) -> float:
    """Return the mean inner potential of atoms with these numbers in every Å3 [V]."""
    zero = torch.zeros(1, dtype=torch.float64)
    return VOLT_ANGSTROM2_PER_ANGSTROM * sum(
        density * float(electron_form_factor(number, zero)) for number, density in elements.items()
    )


def ice_inner_rad_per_angstrom(electron: Electron) -> float:
    """Return the phase shift of vitreous ice by its mean inner potential [rad/Å]."""
    waters = {OXYGEN: WATERS_PER_A3, HYDROGEN: 2 * WATERS_PER_A3}
    return electron.interaction_rad_per_volt_angstrom * inner_potential_volt(waters)


def vitreous_ice(
    settings: ScanSimulation, pixels: int, generator: np.random.Generator
) -> Amorphous:
    """Compute a piece of ice from its atoms by multislice.

    Parameters
    ----------
    pixels : Samples along a side.
    """
    field = settings.field
    side, thickness = field.ice_tile_angstrom, field.ice_tile_thickness_angstrom
    oxygens, hydrogens = fill_box(
        packaged_ice_block(), (side, side, thickness), (True, True, False), WATERS_PER_A3, generator
    )
    waters = np.concatenate([oxygens[:, None], oxygens[:, None] + hydrogens], axis=1)
    positions = waters.reshape(-1, 3) - np.array([side, side, thickness]) / 2
    model = AtomicModel(
        torch.from_numpy(positions).float(),
        torch.tensor([OXYGEN, HYDROGEN, HYDROGEN]).repeat(len(waters)),
        torch.full((3 * len(waters),), field.b_factor_a2),
    )
    wave = mid_plane_wave(
        model,
        Grid(pixels, side),
        settings.electron,
        settings.slice_thickness_angstrom,
        depth_angstrom=thickness,
    )
    inner = ice_inner_rad_per_angstrom(settings.electron)
    # Without the mean shift the phase is far from a half turn, where the logarithm jumps.
    steady = (1 + wave.to(torch.complex128)) * np.exp(-1j * inner * thickness)
    phase = torch.log(steady)
    return Amorphous(periodic(phase - phase.mean(), side), thickness, inner)


def carbon_structure_factor(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much more amorphous carbon scatters than its atoms apart, at q = 1/d [1/Å]."""
    total = 1 - (1 - CARBON_LONG_RANGE) * np.exp(-((frequency / 0.35) ** 2) / 2)
    for spacing, height, width in CARBON_RINGS:
        total += height * np.exp(-(((frequency - 1 / spacing) / width) ** 2) / 2)
    return np.asarray(total)


def amorphous_carbon(
    settings: ScanSimulation, pixels: int, generator: np.random.Generator
) -> Amorphous:
    """Draw a piece of carbon film: a Gaussian field, as many layers of atoms make it.

    Its power is that of the atoms' form factors times the structure factor.
    """
    grid = Grid(pixels, settings.field.ice_tile_angstrom)
    q = torch.sqrt(grid.squared_frequencies(dtype=torch.float64))
    factor = electron_form_factor(CARBON, q) * torch.exp(-CARBON_B_FACTOR_A2 * q**2 / 4)
    factor = factor * VOLT_ANGSTROM2_PER_ANGSTROM
    atoms_per_area = CARBONS_PER_A3 * CARBON_PIECE_ANGSTROM
    power = factor**2 * torch.from_numpy(carbon_structure_factor(q.numpy())) * atoms_per_area
    noise = torch.fft.fft2(torch.from_numpy(generator.standard_normal((pixels, pixels))))
    spectrum = noise * torch.sqrt(power) / grid.pixel_angstrom
    spectrum[0, 0] = 0
    sigma = settings.electron.interaction_rad_per_volt_angstrom
    phase = 1j * sigma * centred(ifft2(spectrum)).real
    inner = sigma * inner_potential_volt({CARBON: CARBONS_PER_A3})
    return Amorphous(periodic(phase, grid.box_angstrom), CARBON_PIECE_ANGSTROM, inner)
