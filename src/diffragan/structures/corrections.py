"""Set right what PDBFixer and OpenMM leave rough: backbone oxygens and hydrogens."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffragan.structures.exchange import in_angstrom
from diffragan.structures.ideal_geometry import (
    Points,
    carbonyl_oxygen,
    ideal_hydrogens,
    terminal_oxygen,
)
from diffragan.structures.residues import BACKBONE

MAX_BOND_ANGSTROM = 2.5
"""A disulfide has 2.05 Å; OpenMM also ties residues together across a gap, which is no bond."""


def place_oxygens(topology: Any, positions: Points, added: Mapping[int, list[str]]) -> None:
    """Put added backbone oxygens right, in place: PDBFixer may leave them on the wrong side.

    Parameters
    ----------
    topology, positions : Heavy atoms; positions `(n, 3)` [Å].
    added : Names of the atoms that were added, by index of residue.
    """
    for chain in topology.chains():
        residues = list(chain.residues())
        for residue, following in zip(residues, [*residues[1:], None], strict=True):
            names = added.get(residue.index, [])
            own = {atom.name: atom.index for atom in residue.atoms()}
            n, ca, c = (positions[own[name]] for name in BACKBONE)
            if "O" in names:
                next_n = _nitrogen(following, positions)
                linked = next_n is not None and _is_bond(c, next_n)
                positions[own["O"]] = carbonyl_oxygen(n, ca, c, next_n if linked else None)
            if "OXT" in names:
                positions[own["OXT"]] = terminal_oxygen(ca, c, positions[own["O"]])


def _nitrogen(residue: Any, positions: Points) -> Points | None:
    if residue is None:
        return None
    index = next(atom.index for atom in residue.atoms() if atom.name == "N")
    return np.asarray(positions[index])


def _is_bond(one: Points, other: Points) -> bool:
    return float(np.linalg.norm(one - other)) <= MAX_BOND_ANGSTROM


def with_ideal_hydrogens(modeller: Any) -> Points:
    """Return a modeller's positions `(n, 3)` [Å] with each hydrogen at its ideal place."""
    positions = in_angstrom(modeller.positions)
    atoms = list(modeller.topology.atoms())
    bonded: list[list[int]] = [[] for _ in atoms]
    for one, other in modeller.topology.bonds():
        if _is_bond(positions[one.index], positions[other.index]):  # not across a gap
            bonded[one.index].append(other.index)
            bonded[other.index].append(one.index)
    names = [atom.name for atom in atoms]
    elements = [atom.element.symbol for atom in atoms]
    return ideal_hydrogens(positions, names, elements, bonded)
