"""How a store's arrays are laid out on disk: specifications, shards, chunks, codecs, metadata.

`docs/data-format.md` says the same for people who read or write stores with other programs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from diffragan.io.files import write_text

FORMAT = "diffragan"
FORMAT_VERSION = 2
METADATA = "zarr.json"
CHECKSUM = "checksum"
"""The array with a checksum of each item, which the writer adds to what a kind specifies."""
RUN_ITEMS_ATTRIBUTE = "shard_items"
"""Attribute of the group that says how many items make a shard."""
COMPRESSION_LEVEL = 1
"""Of zstd: level 3 takes twice the time and saves another 1 to 3 % of simulated data."""
SMALL_ITEM_BYTES = 1024
"""Arrays with smaller items are stored in long plain chunks; a chunk for each would cost more."""
SMALL_CHUNK_ITEMS = 4096
RUN_ITEMS = 64
"""Items in a shard: files of some megabytes, hundreds of them in the paper's data set."""
RUN_BYTES = 1 << 28
"""Items in a shard are fewer when they are large, because a shard is packed in memory."""
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array of a store: its shape, axes and unit."""

    shape: tuple[int, ...]
    dtype: str
    axes: tuple[str, ...]
    unit: str
    """In the notation of UDUNITS, which the CF conventions and xarray know."""
    meaning: str
    per_item: bool = True
    """Whether the first axis counts items."""
    nan_means: str = ""
    """What a NaN says, where one is allowed; otherwise it is damage."""
    values: tuple[float, ...] | None = None
    """What it holds, where that is known beforehand, as the coordinates of an axis."""

    @property
    def item_shape(self) -> tuple[int, ...]:
        """Shape of one item; of the array when it does not count items."""
        return self.shape[1:] if self.per_item else self.shape

    @property
    def item_bytes(self) -> int:
        """Uncompressed size of one item [bytes]."""
        return int(np.prod(self.item_shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize

    @property
    def is_sharded(self) -> bool:
        """Whether each item is a chunk of its own inside a shard."""
        return self.per_item and self.item_bytes > SMALL_ITEM_BYTES


@dataclass(frozen=True, slots=True)
class Layout:
    """The arrays of a store that count items, and how many items make a shard."""

    items: int
    run_items: int
    arrays: Mapping[str, ArraySpec]
    """In the order of their names, without the checksum."""

    @property
    def runs(self) -> int:
        """Shards of each array."""
        return -(-self.items // self.run_items)

    @property
    def small_chunk_items(self) -> int:
        """Items in a chunk of a small array: whole runs, so that no run lies in two chunks."""
        runs = max(1, SMALL_CHUNK_ITEMS // self.run_items)
        return max(1, min(runs * self.run_items, self.items))

    def run_of(self, item: int) -> int:
        """Return the run, the shard's number, that an item belongs to."""
        return item // self.run_items

    def items_of(self, run: int) -> range:
        """Return the items of a run."""
        return range(run * self.run_items, min((run + 1) * self.run_items, self.items))


def layout_of(specs: Mapping[str, ArraySpec]) -> Layout:
    """Return the layout that arrays of these specifications get."""
    counted = {name: specs[name] for name in sorted(specs) if specs[name].per_item}
    counted.pop(CHECKSUM, None)
    items = max((spec.shape[0] for spec in counted.values()), default=0)
    item_bytes = sum(spec.item_bytes for spec in counted.values())
    fitting = RUN_BYTES // max(1, item_bytes)
    return Layout(items, max(1, min(RUN_ITEMS, fitting, items)), counted)


def checksum_spec(layout: Layout) -> ArraySpec:
    """Return the specification of the array of checksums."""
    meaning = "CRC-32C of the item's bytes in all other arrays, in the order of their names"
    return ArraySpec((layout.items,), "uint32", ("item",), "1", meaning)


def largest_bytes(specs: Mapping[str, ArraySpec]) -> int:
    """Return the room that a store needs at most while it is written [bytes].

    Compression is left out; a run of items lies there twice while it is packed.
    """
    layout = layout_of(specs)
    per_item = sum(spec.item_bytes for spec in layout.arrays.values())
    whole = sum(spec.item_bytes for spec in specs.values() if not spec.per_item)
    return per_item * (layout.items + layout.run_items) + whole


def create_arrays(
    folder: Path, specs: Mapping[str, ArraySpec], attributes: Mapping[str, Any]
) -> None:
    """Create a Zarr group with arrays that hold nothing yet.

    Parameters
    ----------
    folder : Where; must not exist.
    specs : The arrays, with the checksum's.
    attributes : Of the group.
    """
    layout = layout_of(specs)
    group = zarr.open_group(folder, mode="w-", attributes=dict(attributes))
    for name, spec in sorted(specs.items()):
        dtype = np.dtype(spec.dtype)
        group.create_array(
            name,
            shape=spec.shape,
            dtype=dtype,
            **_cut(spec, layout),
            dimension_names=spec.axes,
            attributes={
                "units": spec.unit,
                "long_name": spec.meaning,
                **({"nan_means": spec.nan_means} if spec.nan_means else {}),
            },
            # A chunk that went missing must not read as data.
            fill_value=np.nan if dtype.kind in "fc" else 0,
        )
    _consolidate(folder)


def read_layout(folder: Path) -> Layout:
    """Return the layout of the store in `folder`."""
    described = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    arrays = described["consolidated_metadata"]["metadata"]
    layout = layout_of(
        {
            name: ArraySpec(
                tuple(array["shape"]),
                array["data_type"],
                tuple(array["dimension_names"]),
                array["attributes"]["units"],
                array["attributes"]["long_name"],
                per_item=array["dimension_names"][:1] == ["item"],
            )
            for name, array in arrays.items()
        }
    )
    return replace(layout, run_items=described["attributes"][RUN_ITEMS_ATTRIBUTE])


def is_created(folder: Path) -> bool:
    """Whether `create_arrays` came to its end."""
    try:
        described = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "consolidated_metadata" in described


def array_in(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    """Return an array of a group."""
    array = group[name]
    assert isinstance(array, zarr.Array)
    # Zarr would leave chunks of nothing but zeros out, and they could not be told from lost ones.
    return array.with_config({"write_empty_chunks": True})


def chunk_key(first: int, dimensions: int) -> str:
    """Return the file of a chunk or shard that is cut along its first axis alone."""
    return "/".join(["c", str(first), *["0"] * (dimensions - 1)])


def _cut(spec: ArraySpec, layout: Layout) -> dict[str, Any]:
    """Return how an array is cut into shards and chunks, and how those are compressed."""
    if not spec.is_sharded:
        chunks = (layout.small_chunk_items, *spec.item_shape) if spec.per_item else spec.shape
        compressors = [ZstdCodec(level=COMPRESSION_LEVEL), Crc32cCodec()]
        return {"chunks": chunks, "compressors": compressors}
    blosc = BloscCodec(
        typesize=np.dtype(spec.dtype).itemsize,
        cname="zstd",
        clevel=COMPRESSION_LEVEL,
        shuffle="shuffle",
        blocksize=spec.item_bytes,
    )
    return {
        "chunks": (1, *spec.item_shape),
        "shards": (layout.run_items, *spec.item_shape),
        "compressors": [blosc, Crc32cCodec()],
    }


def _consolidate(folder: Path) -> None:
    """Copy the arrays' metadata into the group's, sorted by name, as xarray looks for them.

    Zarr's own function warns that no specification has this yet, and keeps the order of the folder.
    """
    arrays = {
        file.parent.name: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob(f"*/{METADATA}"))
    }
    group = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    group["consolidated_metadata"] = {
        "kind": "inline",
        "must_understand": False,
        "metadata": arrays,
    }
    write_text(folder / METADATA, json.dumps(group, indent=2))
