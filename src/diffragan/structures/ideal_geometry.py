"""Put hydrogens and carboxyl oxygens where chemistry has them.

OpenMM decides which hydrogens there are; it only pushes them apart, which leaves bonds of 1.2 Å
and N-H directions tens of degrees off. Here each takes the ideal place on its parent.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

HYDROGEN_BOND_ANGSTROM = {"C": 1.09, "N": 1.02, "O": 0.98, "S": 1.34}
"""Between nuclei, from neutron diffraction (Allen and Bruno, Acta Cryst. B66, 380, 2010)."""

CB_ANGSTROM = 1.53
CARBONYL_ANGSTROM = 1.23
CARBOXYL_ANGSTROM = 1.25
TETRAHEDRAL = np.deg2rad(109.47)
TRIGONAL = np.deg2rad(120.0)
FREE_ANGLE = {"N": np.deg2rad(119.0), "O": np.deg2rad(109.5), "S": np.deg2rad(96.0)}
"""Angle at a parent with one neighbour and one hydrogen: the hydrogen turns on a cone."""

END_OXYGEN_TORSION = np.deg2rad(-40.0)
"""N-CA-C-O of an extended chain, for an end whose O is missing: nothing else fixes it."""

PLANAR_AMINES = frozenset({"ND2", "NE2", "NH1", "NH2"})
"""Nitrogens whose two hydrogens lie in the plane of the group that holds them."""


def place(at: Points, axis: Points, reference: Points, angle: float, torsion: float) -> Points:
    """Return the unit direction from `at` with an angle to `axis` and a torsion to `reference`.

    The chain of atoms is reference, axis, at, new.
    """
    along = _unit(axis - at)
    sideways = reference - axis
    sideways = sideways - along * (sideways @ along)
    if np.linalg.norm(sideways) < 1e-6:  # three atoms in a line: any side will do
        sideways = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    sideways = _unit(sideways)
    turned = np.cos(torsion) * sideways + np.sin(torsion) * np.cross(sideways, along)
    return np.asarray(np.cos(angle) * along + np.sin(angle) * turned)


def opposite(at: Points, neighbours: Points) -> Points:
    """Return the unit direction from `at` away from its neighbours `(n, 3)`."""
    bonds = neighbours - at
    bonds = bonds / np.linalg.norm(bonds, axis=1, keepdims=True)
    return _unit(-bonds.sum(0))


def carbonyl_oxygen(n: Points, ca: Points, c: Points, next_n: Points | None) -> Points:
    """Return the place of O in the peptide plane; at a chain's end as in an extended chain."""
    if next_n is None:
        direction = place(c, ca, n, TRIGONAL, END_OXYGEN_TORSION)
    else:
        direction = opposite(c, np.stack([ca, next_n]))
    return c + CARBONYL_ANGSTROM * direction


def terminal_oxygen(ca: Points, c: Points, o: Points) -> Points:
    """Return the place of OXT, the second oxygen of the carboxyl group."""
    return c + CARBOXYL_ANGSTROM * opposite(c, np.stack([ca, o]))


def beta_carbon(n: Points, ca: Points, c: Points) -> Points:
    """Return the place of CB of an L amino acid."""
    away = opposite(ca, np.stack([n, c]))
    across = _unit(np.cross(n - ca, c - ca))
    half = TETRAHEDRAL / 2
    return np.asarray(ca + CB_ANGSTROM * (np.cos(half) * away + np.sin(half) * across))


def ideal_hydrogens(
    positions: Points, names: Sequence[str], elements: Sequence[str], bonded: Sequence[list[int]]
) -> Points:
    """Return all positions with each hydrogen at the ideal place on its parent.

    Methyl and ammonium groups are staggered; hydroxyl, thiol and the like keep the torsion they
    have, because only the surroundings decide it.

    Parameters
    ----------
    positions : `(n, 3)` [Å], hydrogens near their parents.
    names, elements : Of each atom.
    bonded : Indices of the atoms bonded to each atom, hydrogens included.
    """
    ideal = positions.copy()
    for parent, neighbours in enumerate(bonded):
        hydrogens = sorted(one for one in neighbours if elements[one] == "H")
        heavy = sorted(one for one in neighbours if elements[one] != "H")
        if not hydrogens or not heavy:
            continue
        at = positions[parent]
        if len(heavy) > 1:
            directions = _with_two_or_more(at, positions[heavy], len(hydrogens))
        else:
            axis = heavy[0]
            others = sorted(one for one in bonded[axis] if one != parent and elements[one] != "H")
            reference = positions[others[0]] if others else positions[axis] + np.eye(3)[0]
            directions = _with_one(
                at,
                positions[axis],
                reference,
                positions[hydrogens],
                name=names[parent],
                element=elements[parent],
            )
        length = HYDROGEN_BOND_ANGSTROM[elements[parent]]
        for hydrogen, direction in zip(hydrogens, directions, strict=True):
            ideal[hydrogen] = at + length * direction
    return ideal


def _with_two_or_more(at: Points, heavy: Points, count: int) -> list[Points]:
    """Place one hydrogen away from the neighbours, or two astride their plane."""
    away = opposite(at, heavy)
    if count == 1:
        return [away]
    across = _unit(np.cross(heavy[0] - at, heavy[1] - at))
    half = TETRAHEDRAL / 2
    return [np.cos(half) * away + sign * np.sin(half) * across for sign in (1.0, -1.0)]


def _with_one(
    at: Points, axis: Points, reference: Points, hydrogens: Points, *, name: str, element: str
) -> list[Points]:
    """Place one to three hydrogens on an atom that hangs on a single neighbour."""
    if len(hydrogens) == 1 and element not in FREE_ANGLE:
        # A carbon that hangs on one neighbour is left of a residue with atoms torn apart; no ideal
        # place follows, so the hydrogen stays on the side where it was put.
        return [_unit(hydrogens[0] - at)]
    if len(hydrogens) == 1:
        torsion = _torsion(reference, axis, at, hydrogens[0])
        return [place(at, axis, reference, FREE_ANGLE[element], torsion)]
    if len(hydrogens) == 2 and name in PLANAR_AMINES:
        return [place(at, axis, reference, TRIGONAL, torsion) for torsion in (0.0, np.pi)]
    staggered = np.deg2rad([180.0, 60.0, -60.0])[: len(hydrogens)]
    return [place(at, axis, reference, TETRAHEDRAL, float(torsion)) for torsion in staggered]


def _torsion(a: Points, b: Points, c: Points, d: Points) -> float:
    axis = _unit(c - b)
    before = np.cross(b - a, axis)
    after = np.cross(axis, d - c)
    return float(np.arctan2(np.cross(before, after) @ axis, before @ after))


def _unit(vector: Points) -> Points:
    return np.asarray(vector / np.linalg.norm(vector))
