"""`diffragan prepare`: clean structures for simulation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro


@dataclass(frozen=True)
class Arguments:
    """Clean PDB or mmCIF structures: one protein, complete, with hydrogens, centred.

    Takes the first model and the first protein chain, keeps the best occupied conformer of each
    residue, replaces modified residues by standard ones, removes ligands and water, adds missing
    atoms and hydrogens. Missing residues are not built: gaps stay and are reported.
    Writes NAME_CHAIN.pdb and NAME_CHAIN.json, which lists every change.

    Example: diffragan prepare 1aup.pdb.gz 2pkc --out structures
    """

    inputs: tyro.conf.Positional[tuple[str, ...]]
    """PDB or mmCIF files, gzipped or not, or PDB IDs to download."""
    out: Path
    """Folder for the results; made when it is missing."""
    chain: str | None = None
    """Chain to keep, as the authors named it; by default the first protein chain."""
    ph: float = 7.0
    """Acidity for the protonation, 0 to 14."""
    keep_all_chains: bool = False
    """Keep every protein chain instead of one."""
    base_url: str | None = None
    """Server for PDB IDs; by default DIFFRAGAN_PDB_URL, or else RCSB."""
    cache: Path | None = None
    """Folder of earlier downloads; by default ~/.cache/diffragan/pdb."""


def run(arguments: Arguments) -> None:
    """Prepare each input and print a line about it; a failure does not stop the others."""
    from diffragan.cli.batch import over_each
    from diffragan.errors import InputError
    from diffragan.io.files import output_folder
    from diffragan.structures.prepare import (
        check_settings,
        prepare_structure,
        write_preparation,
    )

    if not arguments.inputs:
        raise InputError("no structure was given; name a file or a PDB ID to prepare")
    check_settings(arguments.chain, arguments.ph, arguments.keep_all_chains)
    folder = output_folder(arguments.out)
    written: dict[str, str] = {}

    def prepare(word: str) -> str:
        preparation = prepare_structure(
            find_structure(word, arguments.base_url, arguments.cache),
            arguments.chain,
            arguments.ph,
            arguments.keep_all_chains,
        )
        earlier = written.setdefault(preparation.name, word)
        if earlier != word:
            raise InputError(
                f"{word}: would overwrite {preparation.name} made from {earlier}; "
                "use another --out for it"
            )
        write_preparation(preparation, folder)
        return summary(preparation.record)

    over_each(arguments.inputs, prepare, "preparing")


def find_structure(word: str, base_url: str | None = None, cache: Path | None = None) -> Path:
    """Take an existing path as a file, and anything else that looks like an ID as an ID."""
    from diffragan.structures.fetch import fetch_structure, is_pdb_id

    path = Path(word)
    if path.exists() or not is_pdb_id(word):
        return path
    return fetch_structure(word, base_url, cache)


def summary(record: dict[str, Any]) -> str:
    """Put what matters of a preparation's record into one line."""
    changes = record["changes"]
    rebuilt = sum(len(entry["atoms"]) for entry in changes["atoms_added"])
    notes = [
        _count(len(changes["gaps"]), "gap"),
        _count(changes["models_dropped"], "model", "dropped"),
        _count(len(changes["chains_dropped"]), "chain", "dropped"),
        _count(len(changes["altlocs_resolved"]), "alternate conformer", "resolved"),
        _count(len(changes["residues_replaced"]), "residue", "replaced"),
        _count(len(changes["incomplete_residues_removed"]), "incomplete residue", "removed"),
        _count(sum(changes["heterogens_removed"].values()), "heterogen", "removed"),
        _count(changes["waters_removed"], "water", "removed"),
        _count(rebuilt, "heavy atom", "added"),
        _count(changes["zero_occupancy_kept"], "atom", "of zero occupancy kept"),
    ]
    return (
        f"{record['name']}: {record['mass_kda']:.2f} kDa, {record['atoms']} atoms, "
        f"{record['largest_dimension_angstrom']:.1f} Å across; "
        + (", ".join(note for note in notes if note) or "complete as it was")
    )


def _count(number: int, noun: str, verb: str = "") -> str:
    """Word a count, or nothing when it is zero."""
    if not number:
        return ""
    return f"{number} {noun}{'s' if number > 1 else ''} {verb}".strip()
