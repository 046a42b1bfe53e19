"""Shards of a Zarr 3 array: one file of many chunks, each a compressed item.

A chunk is `blosc` (zstd after a shuffle of bytes) and a CRC-32C; behind the chunks of a shard lies
an index of where each begins and how long it is, and the index's own CRC-32C. Written here and not
by Zarr, so that workers compress and one process only gathers; and read here, because reading some
items through Zarr takes several times as long.

Source: Zarr core specification, version 3; codecs `blosc` and `crc32c`; `sharding_indexed` 1.0.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import google_crc32c
import numpy as np
from numcodecs import Blosc

from diffragan.io.files import atomic_path
from diffragan.io.layout import COMPRESSION_LEVEL, Array, ArraySpec

ABSENT = 2**64 - 1
"""Offset and length in the index of a chunk that was not written."""
ENTRY_BYTES = 16
CHECKSUM_BYTES = 4


class DamagedChunkError(Exception):
    """A chunk or index is not what was written; says in a few words why."""


def checksum(*parts: bytes) -> int:
    """CRC-32C of bytes one after another."""
    value = 0
    for part in parts:
        value = google_crc32c.extend(value, part)
    return value


def encode_chunk(values: Array) -> bytes:
    """Compress one item, and append a checksum."""
    # One block: Blosc's threads would put several into the order in which they get ready.
    codec = Blosc("zstd", COMPRESSION_LEVEL, Blosc.SHUFFLE, blocksize=values.nbytes)
    body = bytes(codec.encode(np.ascontiguousarray(values)))
    return body + _sealed(body)


def decode_chunk(chunk: bytes, spec: ArraySpec) -> Array:
    """Return the item that `encode_chunk` compressed.

    Raises
    ------
    DamagedChunkError : These are not the bytes it made.
    """
    body = _opened(chunk, "a chunk")
    try:
        values = np.frombuffer(Blosc().decode(body), spec.dtype)
    except (RuntimeError, ValueError):
        raise DamagedChunkError("a chunk is not compressed by Blosc") from None
    if values.nbytes != spec.item_bytes:
        raise DamagedChunkError("a chunk has another size than an item")
    return values.reshape(spec.item_shape)


def write_shard(path: Path, chunks: Iterable[bytes], places: int) -> None:
    """Write chunks, the first of `places`, into one shard."""
    index = np.full((places, 2), ABSENT, "<u8")
    with atomic_path(path) as beside, beside.open("wb") as file:
        for place, chunk in enumerate(chunks):
            index[place] = file.tell(), len(chunk)
            file.write(chunk)
        file.write(index.tobytes() + _sealed(index.tobytes()))
        file.flush()
        os.fsync(file.fileno())  # what it was made of is deleted next


def read_index(file: BinaryIO, places: int) -> Array:
    """Read the index of an open shard: `(place, 2)` offset and length [bytes].

    Raises
    ------
    DamagedChunkError : It is too short or changed.
    """
    length = places * ENTRY_BYTES + CHECKSUM_BYTES
    end = file.seek(0, 2)
    if end < length:
        raise DamagedChunkError("a shard is cut off")
    file.seek(end - length)
    return np.frombuffer(_opened(file.read(length), "a shard's index"), "<u8").reshape(places, 2)


def read_chunks(
    path: Path, places: Iterable[int], run_items: int, spec: ArraySpec
) -> Iterator[Array]:
    """Yield the items at some places of a shard.

    Raises
    ------
    DamagedChunkError : One is missing or changed.
    """
    with path.open("rb") as file:
        index = read_index(file, run_items)
        for place in places:
            offset, length = map(int, index[place])
            if offset == ABSENT:
                raise DamagedChunkError(f"its shard lacks the chunk {place}")
            file.seek(offset)
            yield decode_chunk(file.read(length), spec)


def missing_places(path: Path, places: int, run_items: int) -> list[int]:
    """Return which of the first places of a shard hold no chunk, from its index alone.

    Raises
    ------
    DamagedChunkError : The index is damaged.
    """
    with path.open("rb") as file:
        index = read_index(file, run_items)
        end = file.seek(0, 2)
    absent = (index[:places, 0] == ABSENT) | (index[:places].sum(1) > end)
    return [int(place) for place in np.flatnonzero(absent)]


def item_checksum(arrays: Mapping[str, Array]) -> int:
    """CRC-32C of an item: the bytes of its arrays in the order of their names."""
    return checksum(*(arrays[name].tobytes() for name in sorted(arrays)))


def _sealed(body: bytes) -> bytes:
    return checksum(body).to_bytes(CHECKSUM_BYTES, "little")


def _opened(sealed: bytes, what: str) -> bytes:
    body, seal = sealed[:-CHECKSUM_BYTES], sealed[-CHECKSUM_BYTES:]
    if seal != _sealed(body):
        raise DamagedChunkError(f"{what} has another checksum")
    return body
