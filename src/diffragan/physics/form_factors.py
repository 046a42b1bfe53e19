"""Electron form factors of single atoms."""

import torch

from diffragan.constants import (
    ANGSTROM_M,
    ELECTRON_MASS_KG,
    ELEMENTARY_CHARGE_C,
    PLANCK_J_S,
)
from diffragan.errors import InputError
from diffragan.physics.lobato_table import LOBATO
from diffragan.typing import Float, Tensor

VOLT_ANGSTROM2_PER_ANGSTROM = (
    PLANCK_J_S**2 / (2 * torch.pi * ELECTRON_MASS_KG * ELEMENTARY_CHARGE_C) / ANGSTROM_M**2
)
"""h^2 / (2 pi m e), about 47.878 V Å2: turns a form factor [Å] into a potential's transform
[V Å3]; Kirkland, 3rd ed., eq. C.2."""


def electron_form_factor(atomic_number: int, frequency: Float[Tensor, "*shape"]) -> Tensor:
    """Electron form factor of a neutral atom (Lobato and Van Dyck, 2014) [Å].

    Parameters
    ----------
    atomic_number : Element.
    frequency : Spatial frequencies q = 1/d of any shape [1/Å].

    Raises
    ------
    InputError : The element is not in the table.
    """
    if atomic_number not in LOBATO:
        raise InputError(
            f"no electron form factor for the element with atomic number {atomic_number}; "
            f"known: {', '.join(map(str, LOBATO))}"
        )
    # The five terms cancel to a hundredth of their size: float64 whatever comes in.
    q2 = frequency.double()[..., None] ** 2
    a, b = (torch.tensor(c, dtype=torch.float64, device=q2.device) for c in LOBATO[atomic_number])
    return (a * (2 + b * q2) / (1 + b * q2) ** 2).sum(-1).to(frequency.dtype)
