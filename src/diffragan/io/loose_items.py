"""Loose items: what a worker hands to a growing store, one small file for each.

    CRC-32C of all that follows | length of the header | header | parts

with both numbers in four bytes, little-endian. The header is JSON: the checksum of the item, and
each array's name with the length of its part. Parts are ready for the store: a compressed chunk
for an array in shards, plain bytes for a small one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffragan.io.files import atomic_path, named_in_errors
from diffragan.io.layout import Array, ArraySpec, Layout
from diffragan.io.shards import checksum, encode_chunk, item_checksum

SUFFIX = ".item"
WORD = 4


class DamagedItemError(Exception):
    """A loose item is not what was written."""


@dataclass(frozen=True, slots=True)
class LooseItem:
    """One item, ready to be packed."""

    checksum: int
    parts: Mapping[str, bytes]


def loose_path(folder: Path, item: int) -> Path:
    """Return the file of an item."""
    return folder / f"{item:08d}{SUFFIX}"


def loose_items(folder: Path) -> list[int]:
    """Return the numbers of the items that lie in a folder."""
    return sorted(int(file.stem) for file in folder.glob(f"*{SUFFIX}") if file.stem.isdecimal())


def write_loose(
    folder: Path, item: int, arrays: Mapping[str, Array | float], layout: Layout
) -> None:
    """Write one item, of which there is afterwards all or nothing.

    Raises
    ------
    ValueError : The arrays are not those of the layout.
    """
    if set(arrays) != set(layout.arrays) or not 0 <= item < layout.items:
        raise ValueError(
            f"item {item} of {layout.items} holds {sorted(arrays)}, the store {list(layout.arrays)}"
        )
    values = {name: _as_specified(arrays[name], spec) for name, spec in layout.arrays.items()}
    parts = {
        name: encode_chunk(values[name]) if spec.is_sharded else values[name].tobytes()
        for name, spec in layout.arrays.items()
    }
    lengths = {name: len(part) for name, part in parts.items()}
    header = json.dumps({"checksum": item_checksum(values), "lengths": lengths}).encode()
    body = b"".join([len(header).to_bytes(WORD, "little"), header, *parts.values()])
    path = loose_path(folder, item)
    with named_in_errors(path), atomic_path(path) as beside:
        beside.write_bytes(checksum(body).to_bytes(WORD, "little") + body)


def read_loose(folder: Path, item: int, layout: Layout) -> LooseItem:
    """Read one item.

    Raises
    ------
    DamagedItemError : It is missing, cut off or changed.
    """
    try:
        content = loose_path(folder, item).read_bytes()
    except FileNotFoundError:
        raise DamagedItemError("missing") from None
    if checksum(content[WORD:]).to_bytes(WORD, "little") != content[:WORD]:
        raise DamagedItemError("changed")
    start = 2 * WORD + int.from_bytes(content[WORD : 2 * WORD], "little")
    header = json.loads(content[2 * WORD : start])
    if list(header["lengths"]) != list(layout.arrays):
        raise DamagedItemError("of another store")
    parts = {}
    for name, length in header["lengths"].items():
        parts[name] = content[start : start + length]
        start += length
    return LooseItem(header["checksum"], parts)


def _as_specified(values: Array | float, spec: ArraySpec) -> Array:
    array = np.asarray(values, dtype=np.dtype(spec.dtype).newbyteorder("<"))
    if array.shape != spec.item_shape:
        raise ValueError(f"an item has the shape {array.shape}, its array needs {spec.item_shape}")
    return np.ascontiguousarray(array).reshape(spec.item_shape)
