"""Read back what `diffragan prepare` wrote, and refuse what it did not write."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.io.path_list import LIST_SUFFIX, read_path_list
from diffragan.io.structures import parse_structure, read_bytes, read_record
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor

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
    alpha_carbons: tuple[int, ...] = ()
    """Which of the atoms are alpha carbons, in the order of the residues."""


def read_prepared(path: Path, dtype: torch.dtype = torch.float32) -> PreparedStructure:
    """Read the `.pdb` or `.cif` that `diffragan prepare` wrote, with its `.json`.

    The model has the file's B-factors, or none where the file has none above zero.

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
            b_factors=_b_factors([site.atom.b_iso for site in sites], dtype),
        ),
        mass_kda=float(record["mass_kda"]),
        sha256=digest,
        record=record,
        path=path,
        alpha_carbons=tuple(n for n, site in enumerate(sites) if site.atom.name == "CA"),
    )


def _b_factors(values: list[float], dtype: torch.dtype) -> Float[Tensor, " atoms"] | None:
    return torch.tensor(values, dtype=dtype) if max(values) > 0 else None


def read_prepared_many(
    paths: Iterable[Path], dtype: torch.dtype = torch.float32
) -> list[PreparedStructure]:
    """Read prepared files, whole folders of them, and the lists that `diffragan split` writes.

    A folder's files come sorted by name, a list's in its order.

    Raises
    ------
    InputError : A folder or list holds no structure, a file cannot be used, or two have one name.
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


def is_prepared(path: Path) -> bool:
    """Say whether the record of `diffragan prepare` lies beside a structure file.

    Raises
    ------
    InputError : What lies there as a record is damaged.
    """
    beside = path.with_suffix(".json")
    if path.suffix not in STRUCTURE_SUFFIXES or not beside.is_file():
        return False
    return read_record(beside).get("kind") == RECORD_KIND


def _structure_files(path: Path) -> list[Path]:
    if path.suffix == LIST_SUFFIX and not path.is_dir():
        return read_path_list(path)
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
