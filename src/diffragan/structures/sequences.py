"""The sequences of the molecules that structure files hold, prepared or not."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np

from diffragan.constants import DALTON_PER_KILODALTON
from diffragan.errors import InputError
from diffragan.io.structures import parse_structure, read_bytes
from diffragan.progress import track
from diffragan.structures.geometry import largest_dimension
from diffragan.structures.prepare import prepared_name
from diffragan.structures.prepared import is_prepared, read_prepared
from diffragan.structures.residues import standard_name
from diffragan.structures.selection import ProteinChain, choose_chains, declared_parents

FILE_ENDINGS = (".pdb", ".ent", ".cif", ".mmcif", ".pdbx")

MAX_REASONS = 3
"""So many unusable files are explained in one error; the others are counted."""


@dataclass(frozen=True, slots=True)
class Molecule:
    """What a split needs to know of the molecule in one file."""

    name: str
    """Short name, as `1aup_A`: the one `diffragan prepare` gives."""
    path: Path
    chains: dict[str, str]
    """One-letter sequence of the residues with coordinates, by the author's chain identifier."""
    mass_kda: float
    """Mass with hydrogens [kDa]."""
    largest_dimension_angstrom: float
    """Largest distance between two atoms [Å]; without hydrogens unless the file is prepared."""
    sha256: str
    """Hash of the file's bytes, hexadecimal."""

    @property
    def residues(self) -> int:
        """Number of residues of all chains."""
        return sum(map(len, self.chains.values()))


def read_molecules(paths: Sequence[Path], keep_all_chains: bool = False) -> list[Molecule]:
    """Read structure files and whole folders of them; a folder's files come sorted by name.

    Raises
    ------
    InputError : A folder holds no structure, files cannot be used, or two have one name.
    """
    files = [file for path in paths for file in _files(path)]
    found: dict[str, Molecule] = {}
    reasons: list[str] = []
    for file in track(files, len(files), "reading"):
        try:
            one = read_molecule(file, keep_all_chains)
        except InputError as error:
            reasons.append(str(error))
            continue
        if one.name in found:
            reasons.append(f"{file}: has the name '{one.name}' of {found[one.name].path}")
        found.setdefault(one.name, one)
    if reasons:
        more = f"; and {len(reasons) - MAX_REASONS} more" if len(reasons) > MAX_REASONS else ""
        which = f"{len(reasons)} of {len(files)} files cannot be used: " if len(files) > 1 else ""
        raise InputError(f"{which}{'; '.join(reasons[:MAX_REASONS])}{more}")
    return list(found.values())


def read_molecule(path: Path, keep_all_chains: bool = False) -> Molecule:
    """Read the molecule of one file.

    A prepared file counts with all its chains; of another the chain counts that
    `diffragan prepare` would keep, or all with `keep_all_chains`.

    Raises
    ------
    InputError : The file is unusable, holds no protein, or was changed since it was prepared.
    """
    prepared = read_prepared(path) if is_prepared(path) else None
    data = read_bytes(path)
    structure = parse_structure(data, str(path))
    keep_all = keep_all_chains or prepared is not None
    chains, _ = choose_chains(structure, None, keep_all, str(path))
    residues = {chain.name: _standard_residues(structure, chain) for chain in chains}
    return Molecule(
        name=prepared.name if prepared else prepared_name(path, chains, keep_all),
        path=path,
        chains={name: _one_letter(names) for name, names in residues.items()},
        mass_kda=prepared.mass_kda if prepared else sum(map(_mass_kda, residues.values())),
        largest_dimension_angstrom=(
            largest_dimension(prepared.model.positions.double().numpy())
            if prepared
            else _largest_dimension(chains)
        ),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.iterdir()
        if file.name.lower().removesuffix(".gz").endswith(FILE_ENDINGS)
        and not file.name.startswith(".")
    )
    if not files:
        raise InputError(f"{path}: holds no PDB or mmCIF file; name a folder of structures")
    return files


def _standard_residues(structure: gemmi.Structure, chain: ProteinChain) -> list[str]:
    parents = declared_parents(structure, chain.name)
    return [standard_name(residue, parents) for residue in chain.residues]


def _one_letter(names: Sequence[str]) -> str:
    return "".join(gemmi.find_tabulated_residue(name).one_letter_code.upper() for name in names)


def _mass_kda(names: Sequence[str]) -> float:
    """Return the mass of a complete chain of these residues [kDa]: each bond has lost a water."""
    water = gemmi.find_tabulated_residue("HOH").weight
    free = sum(gemmi.find_tabulated_residue(name).weight for name in names)
    return float(free - water * (len(names) - 1)) / DALTON_PER_KILODALTON


def _largest_dimension(chains: Sequence[ProteinChain]) -> float:
    atoms = (atom for chain in chains for residue in chain.residues for atom in residue)
    return largest_dimension(np.array([atom.pos.tolist() for atom in atoms], dtype=np.float64))
