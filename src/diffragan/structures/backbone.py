"""Put back CA and CB where the rest of the backbone fixes them.

PDBFixer lays a template over what is there, and over three atoms in a plane it may come out
mirrored, as a D amino acid. With CA and CB in place it cannot.
"""

from itertools import chain as chained
from itertools import pairwise

import gemmi
import numpy as np

from diffragan.structures.ideal_geometry import Points, beta_carbon, opposite
from diffragan.structures.residues import HEAVY_ATOMS, are_linked

CARBON_BOND_ANGSTROM = 1.53


def seed_backbone(residues: list[gemmi.Residue]) -> dict[int, list[str]]:
    """Add missing CA and CB atoms of standard residues, and return their names by place.

    CA needs N, C and O of its residue and N of the next; CB needs N, CA and C.
    """
    added: dict[int, list[str]] = {}
    for place, (residue, following) in enumerate(pairwise(chained(residues, [gemmi.Residue()]))):
        at = {atom.name: np.array(atom.pos.tolist()) for atom in residue}
        wanted = HEAVY_ATOMS.get(residue.name, frozenset()) - at.keys()
        if "CA" in wanted and {"N", "C", "O"} <= at.keys() and are_linked(residue, following):
            next_n = np.array(following.find_atom("N", "*").pos.tolist())
            away = opposite(at["C"], np.stack([at["O"], next_n]))
            at["CA"] = at["C"] + CARBON_BOND_ANGSTROM * away
            added.setdefault(place, []).append("CA")
        if "CB" in wanted and {"N", "CA", "C"} <= at.keys():
            at["CB"] = beta_carbon(at["N"], at["CA"], at["C"])
            added.setdefault(place, []).append("CB")
        for name in added.get(place, []):
            residue.add_atom(_carbon(name, at[name]))
    return added


def _carbon(name: str, position: Points) -> gemmi.Atom:
    atom = gemmi.Atom()
    atom.name = name
    atom.element = gemmi.Element("C")
    atom.pos = gemmi.Position(*position)
    return atom
