"""Read back what `diffragan prepare` wrote, and refuse what it did not write."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.io.structures import parse_structure, read_bytes, read_record
from diffragan.structures.atomic_model import AtomicModel

RECORD_KIND = "diffragan prepared structure"
"""Marks the JSON file beside a prepared structure."""

PREPARED_ELEMENTS = frozenset({"H", "C", "N", "O", "S"})
"""All that the 20 standard amino acids are made of."""

STRUCTURE_SUFFIXES = (".pdb", ".cif")


@dataclass(frozen=True, slots=True)
class PreparedStructure:
    """One cleaned molecule, ready to simulate."""

    name: str
    """Short name, as `1aup_A`; also the stem of its files."""
    model: AtomicModel
    """All atoms with hydrogens, centre of mass at the origin."""
    mass_kda: float
    """Mass of all atoms [kDa]."""
    sha256: str
    """Hash of the structure file's bytes, hexadecimal."""
    record: dict[str, Any]
    """What `prepare` did: changes, sizes, input, settings, software."""
    path: Path
    """The structure file."""


def read_prepared(path: Path, dtype: torch.dtype = torch.float32) -> PreparedStructure:
    """Read the `.pdb` or `.cif` that `diffragan prepare` wrote, with its `.json`.

    Parameters
    ----------
    path : The structure file.
    dtype : Floating-point type of the positions.

    Raises
    ------
    InputError : The file is unusable, was not prepared, or was changed since.
    """
    data = read_bytes(path)
    record = _record(path)
    digest = hashlib.sha256(data).hexdigest()
    if record.get("output", {}).get("sha256") != digest:
        raise InputError(
            f"{path}: differs from what `diffragan prepare` wrote; prepare the structure again"
        )
    structure = parse_structure(data, str(path))  # must outlive its atoms, which it owns
    sites = list(structure[0].all())
    _check_elements(path, {site.atom.element.name for site in sites})
    return PreparedStructure(
        name=str(record["name"]),
        model=AtomicModel(
            positions=torch.tensor([site.atom.pos.tolist() for site in sites], dtype=dtype),
            atomic_numbers=torch.tensor([site.atom.element.atomic_number for site in sites]),
        ),
        mass_kda=float(record["mass_kda"]),
        sha256=digest,
        record=record,
        path=path,
    )


def read_prepared_many(
    paths: Iterable[Path], dtype: torch.dtype = torch.float32
) -> list[PreparedStructure]:
    """Read prepared files and whole folders of them; a folder's files come sorted by name.

    Raises
    ------
    InputError : A folder holds no structure, a file cannot be used, or two have one name.
    """
    found: dict[str, tuple[Path, PreparedStructure]] = {}
    for path in paths:
        for file in _structure_files(path):
            one = read_prepared(file, dtype)
            if one.name in found:
                raise InputError(
                    f"{file}: has the name '{one.name}' of {found[one.name][0]}; give each once"
                )
            found[one.name] = (file, one)
    return [one for _, one in found.values()]


def _structure_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.iterdir()
        if file.suffix in STRUCTURE_SUFFIXES and not file.name.startswith(".")
    )
    if not files:
        raise InputError(f"{path}: holds no .pdb or .cif file; run `diffragan prepare` into it")
    return files


def _record(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        raise InputError(
            f"{path}: is not prepared ({beside.name} is not beside it); "
            f"run `diffragan prepare {path.name} --out DIR` first and use what it writes"
        )
    record = read_record(beside)
    name, mass, output = record.get("name"), record.get("mass_kda"), record.get("output")
    # The name becomes part of file names.
    plain = isinstance(name, str) and name == Path(name).name
    usable = plain and isinstance(mass, int | float) and isinstance(output, dict)
    if record.get("kind") != RECORD_KIND or not usable:
        raise InputError(
            f"{beside}: was not written by `diffragan prepare`; run it on {path.name} first"
        )
    return record


def _check_elements(path: Path, elements: set[str]) -> None:
    odd = sorted(elements - PREPARED_ELEMENTS)
    if odd:
        raise InputError(
            f"{path}: holds {', '.join(odd)}, which no prepared protein has; "
            "run `diffragan prepare` on it first"
        )
