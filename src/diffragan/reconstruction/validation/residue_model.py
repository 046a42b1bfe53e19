"""A model as maps see it: atoms, which residue each belongs to, and where it came from."""

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.structures import read_structure, structure_stem
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.selection import WATERS

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ResidueModel:
    """Atoms of the first model of a structure, one conformer of each residue, without water."""

    name: str
    structure: gemmi.Structure
    """Exactly these atoms, in this order."""
    positions: Numbers
    """`(atom, xyz)` [Å]."""
    atomic_numbers: NDArray[np.int64]
    """`(atom,)`."""
    b_factors: Numbers
    """`(atom,)` [Å2]; zero where the file gives none."""
    residue: NDArray[np.int64]
    """`(atom,)`, number of the residue from 0."""
    labels: tuple[str, ...]
    """Of the residues, as `A LYS 12`."""

    @property
    def heavy(self) -> NDArray[np.bool_]:
        """`(atom,)`, which atoms are no hydrogen."""
        return np.asarray(self.atomic_numbers > 1)

    def atoms(self) -> AtomicModel:
        """Return positions, elements and B-factors as the physics takes them."""
        return AtomicModel(
            torch.from_numpy(self.positions),
            torch.from_numpy(self.atomic_numbers),
            torch.from_numpy(self.b_factors) if self.b_factors.any() else None,
        )

    def moved(self, rotation: Numbers, shift: Numbers) -> "ResidueModel":
        """Turn and shift the model: each position p becomes `rotation @ p + shift` [Å]."""
        positions = self.positions @ rotation.T + shift
        structure = self.structure.clone()
        for site, place in zip(structure[0].all(), positions, strict=True):
            site.atom.pos = gemmi.Position(*place)
        return residue_model(structure, self.name)


def read_residue_model(path: Path) -> ResidueModel:
    """Read a PDB or mmCIF file, prepared or not.

    Raises
    ------
    InputError : The file cannot be used, or holds nothing but water.
    """
    return residue_model(read_structure(path), structure_stem(path), str(path))


def residue_model(structure: gemmi.Structure, name: str, where: str = "the model") -> ResidueModel:
    """Take the first model of a structure; `where` names it in errors.

    Raises
    ------
    InputError : It has no atoms beside water.
    """
    ours = structure.clone()
    while len(ours) > 1:
        del ours[1]
    if len(ours):
        ours.remove_alternative_conformations()
        for chain in ours[0]:
            for place in reversed(range(len(chain))):
                if chain[place].name in WATERS:
                    del chain[place]
        ours.remove_empty_chains()
    positions, numbers, b_factors, owner, labels = [], [], [], [], []
    for chain in ours[0] if len(ours) else ():
        for residue in chain:
            labels.append(f"{chain.name} {residue.name} {residue.seqid}".strip())
            for atom in residue:
                positions.append(atom.pos.tolist())
                # Deuterium scatters electrons as hydrogen does.
                numbers.append(atom.element.atomic_number)
                b_factors.append(atom.b_iso)
                owner.append(len(labels) - 1)
    if not positions:
        raise InputError(f"{where}: holds no atoms beside water; give the protein's model")
    return ResidueModel(
        name,
        ours,
        np.array(positions),
        np.array(numbers, dtype=np.int64),
        np.maximum(np.array(b_factors), 0.0),
        np.array(owner, dtype=np.int64),
        tuple(labels),
    )


def deviation(first: Numbers, second: Numbers) -> float:
    """Root mean square distance [Å] between atoms `(atom, xyz)` in the same order."""
    return float(np.sqrt(((first - second) ** 2).sum(-1).mean()))
