"""Clean a structure for simulation: one protein, complete, protonated, centred.

The same input gives the same bytes; everything that was changed stands in the record.
"""

import hashlib
import re
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from diffragan import __version__
from diffragan.errors import InputError
from diffragan.io.files import output_folder, write_json
from diffragan.io.structures import (
    fits_pdb,
    parse_structure,
    read_bytes,
    structure_stem,
    write_structure,
)
from diffragan.structures.completion import CompletionReport, complete
from diffragan.structures.conformers import ConformerReport
from diffragan.structures.geometry import (
    atom_masses,
    atom_positions,
    chain_gaps,
    element_counts,
    largest_dimension,
    mass_kda,
)
from diffragan.structures.prepared import RECORD_KIND
from diffragan.structures.residues import residue_label
from diffragan.structures.selection import ProteinChain, choose_chains, declared_parents

PH_RANGE = (0.0, 14.0)
DEFAULT_PH = 7.0

PDB_DECIMALS = 3
"""Coordinates are written to 0.001 Å, so sizes are computed from what is written."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """A cleaned structure that is not on the disk yet."""

    name: str
    structure: gemmi.Structure
    """One model, hydrogens included, centre of mass at the origin [Å]."""
    record: dict[str, Any]
    """Every change made, sizes, hashes and versions; becomes the JSON file."""


def check_settings(chain: str | None, ph: float, keep_all_chains: bool) -> None:
    """Refuse settings that are wrong for any structure.

    Raises
    ------
    InputError : The pH is out of range, or one chain and all chains are asked for.
    """
    if not PH_RANGE[0] <= ph <= PH_RANGE[1]:
        raise InputError(f"pH {ph:g} is not between {PH_RANGE[0]:g} and {PH_RANGE[1]:g}")
    if chain is not None and keep_all_chains:
        raise InputError("--chain and --keep-all-chains exclude each other; leave one out")


def prepare_structure(
    path: Path,
    chain: str | None = None,
    ph: float = DEFAULT_PH,
    keep_all_chains: bool = False,
) -> Preparation:
    """Clean the first model of a PDB or mmCIF file.

    Parameters
    ----------
    path : The file, gzipped or not.
    chain : The author's chain identifier; the first protein chain by default.
    ph : Acidity for the protonation, 0 to 14.
    keep_all_chains : Keep every protein chain instead of one.

    Raises
    ------
    InputError : The file is unusable, holds no such protein, or cannot be completed.
    """
    check_settings(chain, ph, keep_all_chains)
    data = read_bytes(path)
    source = parse_structure(data, str(path))
    chains, conformers = choose_chains(source, chain, keep_all_chains, str(path))
    parents = {one.name: declared_parents(source, one.name) for one in chains}
    model, completion = complete(chains, parents, ph, str(path))
    shift = _centre(model)
    cleaned = gemmi.Structure()
    cleaned.add_model(model)
    record = {
        "kind": RECORD_KIND,
        "name": prepared_name(path, chains, keep_all_chains),
        **_sizes(model),
        "changes": _changes(source, chains, conformers, completion, shift),
        "input": {
            "file": path.name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "format": "mmCIF" if source.input_format == gemmi.CoorFormat.Mmcif else "PDB",
        },
        "settings": {"chain": chain, "ph": ph, "keep_all_chains": keep_all_chains},
        "software": {
            "diffragan": __version__,
            **{package: version(package) for package in ("gemmi", "openmm", "pdbfixer")},
        },
    }
    cleaned.name = record["name"]
    return Preparation(record["name"], cleaned, record)


def write_preparation(preparation: Preparation, folder: Path) -> Path:
    """Write `NAME.pdb` (or `NAME.cif` where PDB cannot hold it) and `NAME.json`.

    Returns the path of the structure file. Neither file is ever there in part, and the record,
    without which the structure is not accepted, comes last.

    Raises
    ------
    OutputError : The folder cannot be made or written to.
    """
    suffix = ".pdb" if fits_pdb(preparation.structure) else ".cif"
    path = output_folder(folder) / f"{preparation.name}{suffix}"
    write_structure(preparation.structure, path)
    digest = hashlib.sha256(read_bytes(path)).hexdigest()
    record = {**preparation.record, "output": {"file": path.name, "sha256": digest}}
    write_json(path.with_suffix(".json"), record)
    return path


def prepared_name(path: Path, chains: list[ProteinChain], keep_all: bool) -> str:
    """Name what becomes of a file: its stem and the chain; a blank chain adds nothing."""
    ending = "all" if keep_all else re.sub(r"[^\w-]", "_", chains[0].name)
    return "_".join(part for part in (structure_stem(path), ending) if part)


def _centre(model: gemmi.Model) -> list[float]:
    """Move the centre of mass to the origin, in place, and return the shift x, y, z [Å]."""
    masses = atom_masses(model)
    centre = (masses[:, None] * atom_positions(model)).sum(0) / masses.sum()
    for site in model.all():
        moved = np.array(site.atom.pos.tolist()) - centre
        site.atom.pos = gemmi.Position(*(round(float(value), PDB_DECIMALS) for value in moved))
    return [round(-float(value), PDB_DECIMALS) for value in centre]


def _sizes(model: gemmi.Model) -> dict[str, Any]:
    return {
        "mass_kda": round(mass_kda(model), 4),
        "atoms": model.count_atom_sites(),
        "residues": sum(len(chain) for chain in model),
        "atoms_per_element": element_counts(model),
        "largest_dimension_angstrom": round(largest_dimension(atom_positions(model)), 2),
    }


def _changes(
    source: gemmi.Structure,
    chains: list[ProteinChain],
    conformers: ConformerReport,
    completion: CompletionReport,
    shift: list[float],
) -> dict[str, Any]:
    kept = [chain.name for chain in chains]
    heterogens: dict[str, int] = {}
    for chain in chains:
        for name, count in chain.heterogens.items():
            heterogens[name] = heterogens.get(name, 0) + count
    return {
        "chains_kept": kept,
        "chains_dropped": [chain.name for chain in source[0] if chain.name not in kept],
        "models_dropped": len(source) - 1,
        **asdict(conformers),
        "heterogens_removed": heterogens,
        "waters_removed": sum(chain.waters for chain in chains),
        "incomplete_residues_removed": [
            residue_label(residue, chain.name) for chain in chains for residue in chain.incomplete
        ],
        **asdict(completion),
        "gaps": [gap for chain in chains for gap in chain_gaps(chain.residues, chain.name)],
        "shift_angstrom": shift,
    }
