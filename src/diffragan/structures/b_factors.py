"""B-factors for every atom of a completed molecule, from those its file had."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.structures.residues import residue_label
from diffragan.structures.selection import ProteinChain

LARGEST_B_A2 = 999.0
"""What the columns of the PDB format hold; such an atom is anywhere."""


def complete_b_factors(chains: list[ProteinChain], topology: Any) -> NDArray[np.float64]:
    """Give each atom of OpenMM's completed topology a B-factor [Å2].

    An atom keeps the value of its file; one that was rebuilt takes the median of the file's values,
    and a hydrogen takes that of the atom it is bonded to. A file without values above zero gives
    zeros throughout.
    """
    found: dict[int, float] = {}
    theirs = topology.residues()
    atoms = list(topology.atoms())
    for chain in chains:
        for residue in chain.residues:
            rebuilt = chain.seeded.get(residue_label(residue, chain.name), [])
            known = {
                atom.name: float(atom.b_iso)
                for atom in residue
                if atom.b_iso > 0 and atom.name not in rebuilt
            }
            for atom in next(theirs).atoms():
                if atom.name in known:
                    found[atom.index] = min(known[atom.name], LARGEST_B_A2)
    completed = np.zeros(len(atoms))
    if not found:
        return completed
    completed[:] = np.median(list(found.values()))
    completed[list(found)] = list(found.values())
    for bond in topology.bonds():
        for hydrogen, heavy in ((bond[0], bond[1]), (bond[1], bond[0])):
            if hydrogen.element.symbol == "H":
                completed[hydrogen.index] = completed[heavy.index]
    return completed
