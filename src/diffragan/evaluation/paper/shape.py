"""Size and shape of molecules, to ask what a method's score depends on (the paper's S1 and S2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from diffragan.evaluation.paper.judged import Numbers

ATOM_RADIUS_ANGSTROM = 1.7
"""Van der Waals radius of carbon: Bondi, J. Phys. Chem. 68 (1964) 441. One for all atoms, for the
hydrogens between are covered by their neighbours."""
RASTER_ANGSTROM = 0.5
LEAST_EXTENT_ANGSTROM = 0.5
"""Even a flat molecule is as thick as its atoms."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a molecule is, and how long for its width."""

    radius_of_gyration_angstrom: float
    aspect_ratio: float
    """Longest over shortest root mean square extent along the principal axes: 1 for a ball."""


def shape_of(positions: Numbers, atomic_numbers: NDArray[np.integer]) -> Shape:
    """Measure a molecule, its atoms weighted by their electrons.

    Parameters
    ----------
    positions : `(atom, 3)` [Å].
    atomic_numbers : `(atom,)`.

    Source: Arkin and Janke, J. Chem. Phys. 138 (2013) 054904, eqs. 1 to 4 (gyration tensor).
    """
    weights = atomic_numbers / atomic_numbers.sum()
    centred = positions - weights @ positions
    tensor = (weights[:, None] * centred).T @ centred
    squares = np.clip(np.linalg.eigvalsh(tensor), 0, None)
    shortest, longest = (max(float(np.sqrt(squares[i])), LEAST_EXTENT_ANGSTROM) for i in (0, -1))
    return Shape(float(np.sqrt(squares.sum())), longest / shortest)


def projected_area_angstrom2(positions: Numbers) -> float:
    """Area of a molecule's shadow along the beam, every atom a disc of 1.7 Å [Å2].

    Parameters
    ----------
    positions : `(atom, 3)`, turned as in the view; the beam is along z [Å].
    """
    reach = int(np.ceil(ATOM_RADIUS_ANGSTROM / RASTER_ANGSTROM))
    places = np.rint((positions[:, :2] - positions[:, :2].min(0)) / RASTER_ANGSTROM).astype(int)
    shadow = np.zeros(places.max(0) + 1 + 2 * reach, dtype=bool)
    shadow[tuple((places + reach).T)] = True
    axis = np.arange(-reach, reach + 1) * RASTER_ANGSTROM
    disc = axis[:, None] ** 2 + axis[None, :] ** 2 <= ATOM_RADIUS_ANGSTROM**2
    return float(binary_dilation(shadow, disc).sum() * RASTER_ANGSTROM**2)
