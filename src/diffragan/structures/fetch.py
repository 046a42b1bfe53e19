"""Get entries of the Protein Data Bank by their ID, through a cache on the disk."""

import os
import re
from pathlib import Path

from diffragan.errors import InputError
from diffragan.io.download import NoConnectionError, NotOnServerError, download, keep
from diffragan.io.files import output_folder
from diffragan.io.structures import parse_structure, read_bytes

DEFAULT_BASE_URL = "https://files.rcsb.org/download"
BASE_URL_VARIABLE = "DIFFRAGAN_PDB_URL"

_CLASSIC_ID = re.compile(r"[1-9][a-z0-9]{3}")
_EXTENDED_ID = re.compile(r"pdb_[0-9a-z]{8}")
_EXTENDED_PREFIX = "pdb_0000"


def is_pdb_id(word: str) -> bool:
    """Say whether a word has the form of a PDB ID: `1aup` or `pdb_00001aup`, in any case."""
    low = word.lower()
    return bool(_CLASSIC_ID.fullmatch(low) or _EXTENDED_ID.fullmatch(low))


def default_cache() -> Path:
    """Return where downloads are kept: `$XDG_CACHE_HOME/diffragan/pdb` or under `~/.cache`."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "diffragan" / "pdb"


def fetch_structure(pdb_id: str, base_url: str | None = None, cache: Path | None = None) -> Path:
    """Return the path of an entry's gzipped mmCIF file; download it unless the cache has it.

    Parameters
    ----------
    pdb_id : Classic or extended ID, in any case.
    base_url : Folder of the server; by default `$DIFFRAGAN_PDB_URL`, else RCSB.
    cache : Folder of downloaded files; by default `default_cache()`.

    Raises
    ------
    InputError : The ID is malformed or unknown, the server cannot be reached, or sent rubbish.
    OutputError : The cache cannot be written to.
    """
    if not is_pdb_id(pdb_id):
        raise InputError(
            f"'{pdb_id}' is not a PDB ID; an ID looks like 1aup or pdb_00001aup (and a file "
            "must exist)"
        )
    name = pdb_id.lower()
    path = (default_cache() if cache is None else cache) / f"{name}.cif.gz"
    if _is_valid(path, name):
        return path
    folder = base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
    url = f"{folder.rstrip('/')}/{name}.cif.gz"
    try:
        data = download(url)
    except NotOnServerError:
        raise InputError(f"PDB entry {name} does not exist (asked for {url})") from None
    except NoConnectionError as error:
        raise InputError(
            f"{error}; without a network give a file instead: "
            f"`diffragan prepare {name}.cif.gz --out DIR`"
        ) from None
    _check_entry(data, name, url)
    output_folder(path.parent)
    keep(data, path)
    return path


def _is_valid(path: Path, name: str) -> bool:
    """Say whether the cache holds this entry whole; a damaged copy is downloaded again."""
    if not path.is_file():
        return False
    try:
        _check_entry(read_bytes(path), name, str(path))
    except InputError:
        return False
    return True


def _check_entry(data: bytes, name: str, where: str) -> None:
    """Make sure that bytes are the entry asked for, with atoms."""
    found = parse_structure(data, where).name.lower()
    if _short(found) != _short(name):
        raise InputError(f"{where}: holds the entry '{found}' and not '{name}'")


def _short(name: str) -> str:
    return name.removeprefix(_EXTENDED_PREFIX)
