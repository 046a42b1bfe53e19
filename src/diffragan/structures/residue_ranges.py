"""Which residue each atom of a prepared structure belongs to."""

from dataclasses import dataclass
from pathlib import Path

from diffragan.io.structures import read_structure


@dataclass(frozen=True, slots=True)
class Residue:
    """One residue of a structure's first model."""

    name: str
    """As ALA."""
    number: str
    """As the file counts it, with its insertion code."""
    chain: str
    atoms: tuple[int, int]
    """First atom and the one after the last, in the order of the file."""


def read_residues(path: Path) -> list[Residue]:
    """Read the residues of a structure file, in the order in which `read_prepared` reads atoms.

    Raises
    ------
    InputError : The file is missing or damaged.
    """
    structure = read_structure(path)  # must outlive its residues, which it owns
    found: list[Residue] = []
    first = 0
    for chain in structure[0]:
        for residue in chain:
            last = first + len(residue)
            found.append(Residue(residue.name, str(residue.seqid), chain.name, (first, last)))
            first = last
    return found
