"""Writing a Zarr store: item by item, resumed, and given its name when every item is in it.

A store grows under `NAME.zarr.partial`. Items are independent: several processes may write
different ones, in any order, and the bytes come out the same.
"""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TextIO

import numpy as np
import zarr

from diffragan.errors import InputError, OutputError
from diffragan.io.files import output_folder
from diffragan.io.store import (
    FORMAT,
    FORMAT_VERSION,
    Array,
    ArraySpec,
    array_in,
    open_store,
    partial_path,
)
from diffragan.progress import tell

JOURNAL = "items.done"
METADATA = "zarr.json"
STRAY = "*.partial"
"""Names of the files that Zarr was writing when its process was killed."""


class StoreWriter:
    """Writes a store; made anew or taken up where an earlier run with the same attributes ended.

    Used as a context, at whose end other processes may write on.
    """

    def __init__(
        self, path: Path, kind: str, specs: Mapping[str, ArraySpec], attributes: Any
    ) -> None:
        """Open `path.partial`; `attributes` must be plain JSON and the same for the same data.

        Raises
        ------
        OutputError : Something that is not a store of this kind stands at `path`, something that is
            not an unfinished store at `path.partial`, or another run is writing there, or the disk
            is too small.
        """
        check_store_target(path, kind)
        check_disk(path, specs)
        output_folder(path.parent)
        # A link is followed, so that replacing the store leaves the link as it is.
        self.path = path.resolve() if path.is_symlink() else path
        self._partial = partial_path(self.path)
        described = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": kind,
            **json.loads(json.dumps(attributes)),
        }
        self.done: set[int] = set()
        if not self._partial.exists() or not self._take_up(described):
            self._create(specs, described)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._journal.close()

    @property
    def partial(self) -> Path:
        """Folder that other processes write items into with `write_item`."""
        return self._partial

    def _take_up(self, described: dict[str, Any]) -> bool:
        """Go on with an earlier run of the same data, or clear away what belongs to other data."""
        check_unfinished(self._partial)
        if (self._partial / JOURNAL).exists():
            self._journal = _own_journal(self._partial)
            done = _finished_items(self._journal)
            if _attributes(self._partial) == described:
                tell(
                    f"{self._partial}: going on with an unfinished run, {len(done)} items are done"
                )
                self.done = done
                return True
            self._journal.close()
            tell(
                f"{self._partial}: an unfinished run with other settings or inputs discarded, "
                f"{len(done)} items"
            )
        shutil.rmtree(self._partial)
        return False

    def _create(self, specs: Mapping[str, ArraySpec], described: dict[str, Any]) -> None:
        group = zarr.open_group(self._partial, mode="w", attributes=described)
        for name, spec in specs.items():
            dtype = np.dtype(spec.dtype)
            group.create_array(
                name,
                shape=spec.shape,
                dtype=dtype,
                chunks=(1, *spec.shape[1:]) if spec.per_item else spec.shape,
                dimension_names=spec.axes,
                attributes={
                    "unit": spec.unit,
                    "meaning": spec.meaning,
                    "nan_means": spec.nan_means,
                },
                # A chunk that went missing must not read as data.
                fill_value=np.nan if dtype.kind in "fc" else 0,
            )
        # Last, so that a folder with a journal holds all arrays.
        (self._partial / JOURNAL).touch()
        self._journal = _own_journal(self._partial)

    def write_whole(self, arrays: Mapping[str, Array]) -> None:
        """Write arrays that do not count items."""
        group = zarr.open_group(self._partial, mode="r+")
        for name, values in arrays.items():
            array_in(group, name)[...] = values

    def mark(self, item: int) -> None:
        """Record that an item is complete, so that a restart leaves it alone."""
        self._journal.write(f"{item}\n")
        self._journal.flush()
        self.done.add(item)

    def finish(self) -> None:
        """Give the complete store its name, replacing an older store of that name."""
        for stray in self._partial.rglob(STRAY):
            stray.unlink()
        old = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.old")
        replaces = self.path.exists()
        if replaces:
            self.path.rename(old)
        self._partial.rename(self.path)
        # Not before: a growing store without a journal would not be known as one any more.
        (self.path / JOURNAL).unlink()
        self._journal.close()
        if replaces:
            shutil.rmtree(old)


def write_item(partial: Path, item: int, arrays: Mapping[str, Array | float]) -> None:
    """Write one item's arrays into a growing store; safe from several processes."""
    group = zarr.open_group(partial, mode="r+")
    for name, values in arrays.items():
        array_in(group, name)[item] = values


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
        except InputError:
            raise OutputError(
                f"{path}: this folder is not a data set of diffragan and will not be replaced; "
                "choose another name"
            ) from None
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
        entries = {entry for entry in partial.iterdir() if not entry.match(STRAY)}
        arrays = {entry for entry in entries if (entry / METADATA).is_file()}
        ours = _attributes(partial).get("format") == FORMAT
        # A run that was killed while it made the arrays left neither journal nor data.
        growing = (partial / JOURNAL).is_file() or not any(partial.glob("*/c"))
        known = arrays | {partial / METADATA, partial / JOURNAL}
        if not entries or (ours and growing and entries <= known):
            return
    raise OutputError(
        f"{partial}: stands where the data set grows until it is complete, and is not an "
        "unfinished data set of diffragan; move it away or choose another name"
    )


def check_disk(path: Path, specs: Mapping[str, ArraySpec]) -> None:
    """Make sure that the disk of `path` has room for a store before it is begun.

    Raises
    ------
    OutputError : It has not; says how much is needed and free.
    """
    needed = sum(
        spec.item_bytes * (spec.shape[0] if spec.per_item else 1) for spec in specs.values()
    )
    folder = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if needed <= free:
        return
    begun = partial_path(path).rglob("*")
    free += sum(file.stat().st_size for file in begun if file.is_file())
    if needed > free:
        raise OutputError(
            f"{path}: needs up to {needed / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free; "
            "choose another disk or fewer orientations"
        )


def _attributes(folder: Path) -> dict[str, Any]:
    """Attributes of a Zarr group, none if there is no such group."""
    try:
        attributes = json.loads((folder / METADATA).read_text(encoding="utf-8"))["attributes"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _own_journal(partial: Path) -> TextIO:
    """Open the journal of a growing store for this process alone.

    The lock is the process's: it ends with it, however it ends.
    """
    journal = (partial / JOURNAL).open("r+")
    journal.seek(0, os.SEEK_END)
    try:
        fcntl.lockf(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        journal.close()
        raise OutputError(
            f"{partial}: another run is writing this data set; wait for it, or choose another name"
        ) from None
    return journal


def _finished_items(journal: TextIO) -> set[int]:
    """Read the journal; a number whose line was cut off does not count and is taken out."""
    journal.seek(0)
    whole, _, _ = journal.read().rpartition("\n")
    journal.seek(0)
    journal.truncate()
    if whole:
        journal.write(whole + "\n")
    journal.flush()
    return {int(line) for line in whole.splitlines() if line.isdecimal()}
