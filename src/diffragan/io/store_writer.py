"""Writing a Zarr store: item by item, resumed, and given its name when every item is in it.

A store grows in the folder `NAME.zarr.partial`. Workers hand in items, each as one file, in any
order; one process packs every run of items that is complete into shards. The bytes come out the
same whatever the order, the number of workers and the interruptions.
"""

import glob
import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import zarr

from diffragan.errors import OutputError
from diffragan.io.files import named_in_errors, output_folder
from diffragan.io.journal import Journal
from diffragan.io.layout import (
    CHECKSUM,
    FORMAT,
    FORMAT_VERSION,
    RUN_ITEMS_ATTRIBUTE,
    Array,
    ArraySpec,
    array_in,
    checksum_spec,
    create_arrays,
    is_created,
    layout_of,
    read_layout,
)
from diffragan.io.loose_items import (
    DamagedItemError,
    loose_items,
    loose_path,
    read_loose,
    write_loose,
)
from diffragan.io.packing import is_packed, pack_run
from diffragan.io.store import partial_path
from diffragan.io.store_checks import (
    ITEMS,
    STORE,
    check_disk,
    check_store_target,
    check_unfinished,
    is_stray,
    stored_attributes,
)
from diffragan.progress import tell


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
        self._layout = layout_of(specs)
        described = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": kind,
            RUN_ITEMS_ATTRIBUTE: self._layout.run_items,
            **json.loads(json.dumps(attributes)),
        }
        self.done: set[int] = set()
        if self._partial.exists() or self._partial.is_symlink():
            check_unfinished(self._partial)
        self._partial.mkdir(exist_ok=True)
        self._journal = Journal(self._partial)
        self._store, self._items = self._partial / STORE, self._partial / ITEMS
        try:
            if not self._take_up(described):
                self._create(specs, described)
            self.write_whole(
                {name: np.array(s.values) for name, s in specs.items() if s.values is not None}
            )
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_reason: object) -> None:
        self._journal.close()

    @property
    def partial(self) -> Path:
        """Folder that other processes write items into with `write_item`."""
        return self._partial

    def write_whole(self, arrays: Mapping[str, Array]) -> None:
        """Write arrays that do not count items."""
        group = zarr.open_group(self._store, mode="r+")
        for name, values in arrays.items():
            with named_in_errors(self._store / name):
                array_in(group, name)[...] = values

    def mark(self, item: int) -> None:
        """Record that an item was handed in, and pack its run if that is complete now.

        Raises
        ------
        OutputError : An item of the run was damaged on the disk since it was handed in.
        """
        if item in self.done:
            return
        self._journal.item_done(item)
        self.done.add(item)
        self._pack_if_complete(self._layout.run_of(item))

    def finish(self) -> None:
        """Give the complete store its name, replacing an older store of that name.

        Raises
        ------
        OutputError : Items are missing.
        """
        missing = self._layout.items - len(self.done)
        if missing:
            raise OutputError(
                f"{self._partial}: {missing} of {self._layout.items} items are missing; run the "
                "same command again to make them"
            )
        for file in (self._store).rglob("*"):
            if is_stray(file):
                file.unlink()
        name = f".{self.path.name}.{secrets.token_hex(4)}.old"
        if self.path.exists():
            self.path.rename(self.path.with_name(name))
        (self._store).rename(self.path)
        shutil.rmtree(self._partial)
        self._journal.close()
        # Also one that a run left here which was killed at this very place.
        for old in self.path.parent.glob(f".{glob.escape(self.path.name)}.????????.old"):
            shutil.rmtree(old)

    def _take_up(self, described: Mapping[str, Any]) -> bool:
        """Go on with an earlier run of the same data, or clear away what belongs to other data."""
        found = stored_attributes(self._store)
        if found == described and is_created(self._store):
            self._find_done()
            tell(
                f"{self._partial}: going on with an unfinished run, {len(self.done)} items are done"
            )
            return True
        if found and found != described:
            tell(
                f"{self._partial}: an unfinished run with other settings or inputs discarded, "
                f"{len(self._journal.items())} items"
            )
        self._journal.forget()
        for folder in (self._store, self._items):
            if folder.exists():
                shutil.rmtree(folder)
        return False

    def _find_done(self) -> None:
        """Find what is in shards or lies there as sound loose items; delete the rest."""
        packed = {
            run for run in self._journal.packed_runs() if is_packed(self._store, self._layout, run)
        }
        self.done = {item for run in packed for item in self._layout.items_of(run)}
        for item in loose_items(self._items):
            try:
                if item not in self.done:
                    read_loose(self._items, item, self._layout)
                    self.done.add(item)
                    continue
            except DamagedItemError:
                pass
            loose_path(self._items, item).unlink()
        for run in set(range(self._layout.runs)) - packed:
            self._pack_if_complete(run)

    def _create(self, specs: Mapping[str, ArraySpec], described: Mapping[str, Any]) -> None:
        self._items.mkdir()
        with named_in_errors(self._store):
            create_arrays(self._store, {**specs, CHECKSUM: checksum_spec(self._layout)}, described)

    def _pack_if_complete(self, run: int) -> None:
        items = self._layout.items_of(run)
        if not self.done.issuperset(items):
            return
        read = {}
        for item in items:
            try:
                read[item] = read_loose(self._items, item, self._layout)
            except DamagedItemError as error:
                raise OutputError(
                    f"{loose_path(self._items, item)}: {error}; run the same command again to make "
                    "the item anew"
                ) from None
        pack_run(self._store, self._layout, run, read)
        self._journal.run_packed(run)
        for item in items:
            loose_path(self._items, item).unlink()


def write_item(partial: Path, item: int, arrays: Mapping[str, Array | float]) -> None:
    """Hand one item's arrays in to a growing store; safe from several processes.

    Raises
    ------
    ValueError : The arrays are not those of the store.
    """
    write_loose(partial / ITEMS, item, arrays, read_layout(partial / STORE))
