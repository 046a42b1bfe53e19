"""Packing a run of items: their loose files become one shard of each large array."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import zarr

from diffragan.io.files import named_in_errors
from diffragan.io.layout import CHECKSUM, Array, Layout, array_in, chunk_key
from diffragan.io.loose_items import LooseItem
from diffragan.io.shards import DamagedChunkError, missing_places, write_shard


def pack_run(store: Path, layout: Layout, run: int, items: Mapping[int, LooseItem]) -> None:
    """Write the items of a run into the store, on the disk when this returns.

    Parameters
    ----------
    store : The Zarr group.
    layout : Its layout.
    run : Number of the run.
    items : All its items, in their order.
    """
    group = zarr.open_group(store, mode="r+")
    rows = slice(layout.items_of(run).start, layout.items_of(run).stop)
    for name, spec in layout.arrays.items():
        parts = [item.parts[name] for item in items.values()]
        if spec.is_sharded:
            path = store / name / chunk_key(run, len(spec.shape))
            path.parent.mkdir(parents=True, exist_ok=True)
            with named_in_errors(path):
                write_shard(path, parts, layout.run_items)
        else:
            values = np.frombuffer(b"".join(parts), spec.dtype)
            _write_rows(store, group, name, rows, values.reshape(-1, *spec.item_shape))
    checksums = np.array([item.checksum for item in items.values()], np.uint32)
    _write_rows(store, group, CHECKSUM, rows, checksums)


def is_packed(store: Path, layout: Layout, run: int) -> bool:
    """Whether the shards of a run are there and whole, as far as their indices say."""
    places = len(layout.items_of(run))
    paths = [
        store / name / chunk_key(run, len(spec.shape))
        for name, spec in layout.arrays.items()
        if spec.is_sharded
    ]
    try:
        return not any(missing_places(path, places, layout.run_items) for path in paths)
    except (OSError, DamagedChunkError):
        return False


def _write_rows(store: Path, group: zarr.Group, name: str, rows: slice, values: Array) -> None:
    """Change some rows of a small array, which lie in one chunk."""
    array = array_in(group, name)
    path = store / name / chunk_key(rows.start // array.chunks[0], array.ndim)
    with named_in_errors(path):
        array[rows] = values
        with path.open("rb") as file:
            os.fsync(file.fileno())
