"""Read and write molecular structures: PDB and mmCIF, gzipped or not.

What a file holds is decided by its content, never by its name alone.
"""

import gzip
import json
import math
import re
import zlib
from pathlib import Path
from typing import Any

import gemmi

from diffragan.errors import InputError
from diffragan.io.files import atomic_path, write_text

MAX_COORDINATE_ANGSTROM = 1e5
"""No molecule is so far from its origin; a larger number is damage or another unit."""

PDB_MAX_ATOMS = 99_999
PDB_MAX_RESIDUE_NUMBER = 9_999
PDB_MIN_RESIDUE_NUMBER = -999

_GZIP_MAGIC = b"\x1f\x8b"
_SUFFIXES = re.compile(r"(\.(pdb|ent|cif|mmcif|pdbx))?(\.gz)?$", re.IGNORECASE)
_PDB_LINE = re.compile(r"^(ATOM  |HETATM)", re.MULTILINE)
_CIF_START = re.compile(r"^\s*(#.*\s*)*data_", re.IGNORECASE)
_EXAMPLE = "give a PDB or mmCIF file, gzipped or not"


def structure_stem(path: Path) -> str:
    """Return a file's name without `.pdb`, `.cif` and the like, and without `.gz`."""
    return _SUFFIXES.sub("", path.name)


def read_bytes(path: Path) -> bytes:
    """Return a file's content as it lies on the disk.

    Raises
    ------
    InputError : The path is missing, is a folder, or holds an empty file.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: there is no such file") from None
    except PermissionError:
        raise InputError(f"{path}: you may not read this file; change its permissions") from None
    if not data:
        raise InputError(f"{path}: the file is empty; fetch or copy it again")
    return data


def read_structure(path: Path) -> gemmi.Structure:
    """Read a PDB or mmCIF file with all its models, chains and alternate conformers.

    Chains carry the author's identifiers, coordinates are in Å.

    Raises
    ------
    InputError : The file is missing, empty, damaged, of another format, or without sane atoms.
    """
    return parse_structure(read_bytes(path), str(path))


def parse_structure(data: bytes, where: str) -> gemmi.Structure:
    """Read a structure from a file's bytes; `where` names their origin in errors.

    Raises
    ------
    InputError : The bytes are damaged, of another format, or without sane atoms.
    """
    text = _text(_decompressed(data, where), where)
    if _CIF_START.match(text):
        structure = _parse_cif(text, where)
    elif _PDB_LINE.search(text):
        structure = _parse_pdb(text, where)
    else:
        raise InputError(f"{where}: is neither PDB nor mmCIF, or holds no atoms; {_EXAMPLE}")
    if not len(structure) or not structure[0].count_atom_sites():
        raise InputError(f"{where}: holds no atoms; {_EXAMPLE}")
    _check_coordinates(structure, where)
    return structure


def _decompressed(data: bytes, where: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        raise InputError(
            f"{where}: the gzip file is cut short or damaged; fetch or copy it again"
        ) from None


def _text(data: bytes, where: str) -> str:
    if b"\0" in data[:100_000]:
        raise InputError(f"{where}: is a binary file, not a structure; {_EXAMPLE}")
    # Author names and titles in old files come in any encoding; coordinates are ASCII.
    return data.decode("utf-8", errors="replace")


def _parse_cif(text: str, where: str) -> gemmi.Structure:
    try:
        document = gemmi.cif.read_string(text)
        block = next((one for one in document if one.find_values("_atom_site.Cartn_x")), None)
        if block is None:
            raise InputError(f"{where}: this mmCIF holds no atoms (_atom_site); {_EXAMPLE}")
        structure = gemmi.make_structure_from_block(block)
    except (ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"{where}: this mmCIF cannot be read ({error})") from None
    structure.merge_chain_parts()
    return structure


def _parse_pdb(text: str, where: str) -> gemmi.Structure:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("ATOM  ", "HETATM")):
            _check_pdb_line(line, number, where)
    try:
        structure = gemmi.read_pdb_string(text)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{where}: this PDB file cannot be read ({error})") from None
    structure.merge_chain_parts()
    return structure


def _check_pdb_line(line: str, number: int, where: str) -> None:
    """Refuse a coordinate that is no number: gemmi would read it as zero."""
    try:
        for start in (30, 38, 46):
            float(line[start : start + 8])
    except ValueError:
        raise InputError(
            f"{where}: line {number} has no coordinates in columns 31 to 54; "
            "the file is cut short or damaged"
        ) from None


def _check_coordinates(structure: gemmi.Structure, where: str) -> None:
    for model in structure:
        for site in model.all():
            for value in site.atom.pos.tolist():
                if math.isfinite(value) and abs(value) <= MAX_COORDINATE_ANGSTROM:
                    continue
                atom = f"atom {site.atom.name} of {site.residue.name} {site.chain.name}"
                raise InputError(
                    f"{where}: {atom}{site.residue.seqid} has the coordinate {value:g} Å, "
                    "which no molecule has; repair or replace the file"
                )


def fits_pdb(structure: gemmi.Structure) -> bool:
    """Say whether the fixed columns of the PDB format can hold a structure."""
    model = structure[0]
    if model.count_atom_sites() + len(model) > PDB_MAX_ATOMS:
        return False
    return all(
        len(chain.name) <= 1
        and PDB_MIN_RESIDUE_NUMBER <= (residue.seqid.num or 0) <= PDB_MAX_RESIDUE_NUMBER
        for chain in model
        for residue in chain
    )


def write_structure(structure: gemmi.Structure, path: Path) -> None:
    """Write atoms as PDB, or as mmCIF where `path` ends so; whole or not at all.

    Raises
    ------
    OutputError : The folder is missing or cannot be written to.
    """
    if path.suffix == ".cif":
        groups = gemmi.MmcifOutputGroups(False, atoms=True, block_name=True, group_pdb=True)
        write_text(path, structure.make_mmcif_document(groups).as_string())
        return
    options = gemmi.PdbWriteOptions(minimal=True)
    options.cryst1_record = False
    options.end_record = True
    with atomic_path(path) as beside:
        structure.write_pdb(str(beside), options)


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Raises
    ------
    InputError : The file is missing, empty, or not such JSON.
    """
    try:
        record = json.loads(read_bytes(path))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise InputError(f"{path}: is not a JSON record; write it again with the same command")
    return record
