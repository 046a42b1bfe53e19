"""What must hold before a store is written: its place is free or a store's, the disk has room."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffragan.errors import InputError, OutputError
from diffragan.io.journal import JOURNAL
from diffragan.io.layout import FORMAT, METADATA, ArraySpec, largest_bytes
from diffragan.io.loose_items import SUFFIX
from diffragan.io.store import open_store, partial_path

STORE, ITEMS = "store", "items"
"""Inside `NAME.zarr.partial`: the store as it will be, and the items that are not packed yet."""


def check_store_target(path: Path, kind: str) -> None:
    """Refuse to replace anything at `path` but a store of this package and kind.

    Raises
    ------
    OutputError : A file, a foreign folder or a store of another kind stands there, or the name does
        not end in `.zarr`.
    """
    if path.suffix != ".zarr":
        raise OutputError(f"{path}: a data set is a folder whose name ends in .zarr; rename it")
    if path.is_file():
        raise OutputError(
            f"{path}: a file stands where the data set should go; choose another name"
        )
    if path.is_dir() and any(path.iterdir()):
        try:
            found = open_store(path).kind
        except InputError as error:
            why = "this folder is not a data set of diffragan and will not be replaced"
            if stored_attributes(path).get("format") == FORMAT:
                raise OutputError(f"{error}; remove it first, or choose another name") from None
            raise OutputError(f"{path}: {why}; choose another name") from None
        if found != kind:
            raise OutputError(
                f"{path}: holds '{found}', which '{kind}' will not replace; choose another name"
            )


def check_unfinished(partial: Path) -> None:
    """Refuse to touch anything at `partial` but an unfinished store of this package.

    Raises
    ------
    OutputError : A file, or a folder with anything else in it, stands there.
    """
    if partial.is_dir() and not partial.is_symlink():
        names = {entry.name for entry in partial.iterdir()}
        if names <= {JOURNAL, STORE, ITEMS} and _grows(partial / STORE, partial / ITEMS):
            return
    raise OutputError(
        f"{partial}: stands where the data set grows until it is complete, and is not an "
        "unfinished data set of diffragan; move it away or choose another name"
    )


def check_disk(
    path: Path, specs: Mapping[str, ArraySpec], instead: str = "free some space"
) -> None:
    """Make sure that the disk of `path` has room for a store before it is begun.

    Raises
    ------
    OutputError : It has not; says how much is needed and free.
    """
    begun = sum(f.stat().st_size for f in partial_path(path).rglob("*") if f.is_file())
    check_room(path, largest_bytes(specs) - begun, instead)


def check_room(path: Path, needed: int, instead: str = "free some space") -> None:
    """Make sure that the disk of `path` has room for so many bytes more.

    Raises
    ------
    OutputError : It has not; says how much is needed and free.
    """
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"{path}: needs up to {needed / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free; "
            f"choose another disk or {instead}"
        )


def stored_attributes(folder: Path) -> dict[str, Any]:
    """Attributes of a Zarr group, none if there is no such group."""
    try:
        attributes = json.loads((folder / METADATA).read_text(encoding="utf-8"))["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


def is_stray(file: Path) -> bool:
    """Whether a file is one that was being written when its process was killed."""
    return file.name.startswith(".") or file.name.endswith(".partial")


def _grows(store: Path, items: Path) -> bool:
    """Whether these folders, where they exist, hold nothing but what a writer puts there."""
    entries = [entry for entry in _entries(store) if not is_stray(entry)]
    ours = stored_attributes(store).get("format") == FORMAT
    arrays = all(
        (entry / METADATA).is_file() or not any(entry.iterdir())
        for entry in entries
        if entry.is_dir()
    )
    files = {entry.name for entry in entries if not entry.is_dir()} <= {METADATA}
    loose = all(entry.suffix == SUFFIX for entry in _entries(items))
    return (ours or not entries) and arrays and files and loose


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
