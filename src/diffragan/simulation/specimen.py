"""Thermal motion: B-factors that blur each atom, or frozen phonons, which are displaced atoms.

An isotropic B-factor is B = 8 pi^2 <u_x^2>, with u_x the displacement along one axis. Averaged over
all displacements an atom's amplitude falls by exp(-B q^2 / 4), q = 1/d: blurred potentials give
that coherent average, and frozen phonons also the diffuse scattering around it.

Source: Loane, Xu and Silcox, Acta Cryst. A47 (1991) 267 (frozen phonons); Trueblood et al.,
Acta Cryst. A52 (1996) 770 (B and U).
"""

from math import pi

import numpy as np
import torch

from diffragan.config.specimen import SpecimenSettings
from diffragan.errors import ConfigError
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor


def displacement_angstrom(b_factors: Float[Tensor, " atoms"]) -> Float[Tensor, " atoms"]:
    """Return the displacement's standard deviation along each axis, sqrt(B / (8 pi^2)) [Å]."""
    return torch.sqrt(b_factors / (8 * pi**2))


def with_thermal_motion(
    model: AtomicModel, settings: SpecimenSettings, name: str = "the structure"
) -> AtomicModel:
    """Give every atom the B-factor that the settings ask for; none when atoms are at rest.

    Parameters
    ----------
    model : Atoms, with the water around them if there is any.
    settings : The specimen.
    name : What to call the molecule in an error.

    Raises
    ------
    ConfigError : Each atom's own B-factor is wanted, and the structure has none.
    """
    if settings.thermal_motion == "none":
        b_factors = None
    elif settings.b_factor_a2 is not None:
        b_factors = model.positions.new_full(model.atomic_numbers.shape, settings.b_factor_a2)
    elif model.b_factors is None:
        raise ConfigError(
            f"{name}: has no B-factors of its own; give one for all atoms with "
            "specimen.b_factor_a2, for example 20"
        )
    else:
        b_factors = model.b_factors
    return AtomicModel(model.positions, model.atomic_numbers, b_factors)


def frozen_phonon(model: AtomicModel, generator: np.random.Generator) -> AtomicModel:
    """Displace each atom at random by its B-factor; the result is at rest.

    Atoms move independently of each other (Einstein's model). A pattern is the mean over several
    such models; a model without B-factors is returned as it is.
    """
    if model.b_factors is None:
        return model
    normal = torch.from_numpy(generator.standard_normal(tuple(model.positions.shape)))
    width = displacement_angstrom(model.b_factors)[:, None]
    moved = model.positions + width * normal.to(model.positions)
    return AtomicModel(moved, model.atomic_numbers, None)
