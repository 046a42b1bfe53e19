"""Size and shape of the molecules of a data set."""

from typing import Any

import gemmi
import numpy as np
from numpy.typing import NDArray

from diffragan.io.layout import Array
from diffragan.io.triplets import StructureEntry


def describe_protein(entry: StructureEntry) -> dict[str, Any]:
    """Return name, mass, and shape of a molecule.

    The radius of gyration is sqrt(l1 + l2 + l3) and the aspect ratio sqrt(l1 / l3), where l1 to l3
    are the mean squared distances from the centre of mass along the principal axes, the largest
    first.

    Source: Theodorou and Suter, Macromolecules 18 (1985) 1206 (the gyration tensor).
    """
    largest, *_, smallest = spreads = principal_spreads(entry.positions, entry.atomic_numbers)
    return {
        "name": entry.name,
        "mass_kda": entry.mass_kda,
        "radius_of_gyration_angstrom": float(np.sqrt(spreads.sum())),
        # A molecule in a plane or on a line has no finite one.
        "aspect_ratio": float(np.sqrt(largest / smallest)) if smallest > 1e-9 * largest else None,
    }


def principal_spreads(positions: Array, atomic_numbers: Array) -> NDArray[np.float64]:
    """Mean squared distances from the centre of mass along the principal axes, largest first [Å2].

    Parameters
    ----------
    positions : `(atom, 3)` [Å].
    atomic_numbers : `(atom,)`; atoms count by their mass.
    """
    mass_of = {int(z): gemmi.Element(int(z)).weight for z in np.unique(atomic_numbers)}
    weights = np.array([mass_of[int(z)] for z in atomic_numbers])
    weights = weights / weights.sum()
    apart = positions - weights @ positions
    tensor = (weights[:, None] * apart).T @ apart
    return np.linalg.eigvalsh(tensor)[::-1].clip(min=0)
