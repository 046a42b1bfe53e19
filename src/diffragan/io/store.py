"""The Zarr store: arrays with axes and units, read whole or item by item.

A store grows under `NAME.zarr.partial` (see `store_writer`) and gets its own name only when every
item is in it, so a store with its final name is always complete.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from pydantic import ValidationError

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.io.layout import FORMAT, FORMAT_VERSION, Array, ArraySpec, array_in, chunk_key
from diffragan.io.shards import DamagedChunkError, missing_places, read_chunks

MAKERS = {
    "triplets": "diffragan simulate",
    "phased": "diffragan phase",
    "observations": "diffragan ingest",
}


def partial_path(path: Path) -> Path:
    """Where a store grows before it is complete."""
    return path.with_name(path.name + ".partial")


class Store:
    """A complete store, open for reading."""

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self.attributes: dict[str, Any] = dict(group.attrs)

    def experiment(self) -> Experiment:
        """Read the settings of the experiment the store belongs to.

        Raises
        ------
        InputError : They were changed by hand, or by another version.
        """
        try:
            return Experiment.model_validate(self.attributes["experiment"])
        except (KeyError, ValidationError):
            raise InputError(
                f"{self.path}: its attribute 'experiment' is damaged; make the data set again"
            ) from None

    @property
    def kind(self) -> str:
        """What the store holds: `triplets`, `observations` or `phased`."""
        return str(self.attributes.get("kind"))

    def array_names(self) -> list[str]:
        """Names of the arrays in the store."""
        return sorted(self._group.array_keys())

    def describe(self, name: str) -> ArraySpec:
        """Shape, axes, unit and meaning of an array."""
        array = self._find(name)
        axes = tuple(str(axis) for axis in (array.metadata.dimension_names or ()))  # type: ignore[union-attr]
        attributes = dict(array.attrs)
        return ArraySpec(
            array.shape,
            str(array.dtype),
            axes,
            str(attributes.get("units", "")),
            str(attributes.get("long_name", "")),
            per_item=axes[:1] == ("item",),
            nan_means=str(attributes.get("nan_means", "")),
        )

    def stored_bytes(self, name: str) -> int:
        """Size of an array on the disk [bytes]."""
        files = (self.path / name).rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file())

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        """Read an array, or some items of it.

        Raises
        ------
        InputError : The array is missing, damaged, or holds values that are not finite.
        """
        array, spec = self._find(name), self.describe(name)
        if items is None and spec.per_item:
            items = range(spec.shape[0])
        try:
            if items is not None and spec.is_sharded:
                values = self._read_sharded(name, array, spec, items)
            else:
                values = self._read_plain(name, array, items)
        except (OSError, ValueError, RuntimeError, KeyError, IndexError) as error:
            words = " ".join(str(error).split())[:80]
            raise self._damage(name, f"is damaged ({words})") from None
        if values.dtype.kind in "fc" and not spec.nan_means and not np.isfinite(values).all():
            raise self._damage(name, "holds values that are not finite")
        return values

    def check_files(self, name: str) -> None:
        """Look for the chunks of an array, without reading what they hold.

        Raises
        ------
        InputError : One is missing, or the index of a shard is damaged.
        """
        array, spec = self._find(name), self.describe(name)
        if not spec.is_sharded:
            self._look_for(name, array, range(spec.shape[0]) if spec.per_item else [0])
            return
        length = _shard_items(array)
        for first in range(0, spec.shape[0], length):
            places = min(length, spec.shape[0] - first)
            path = self._look_for(name, array, [first])
            try:
                missing = missing_places(path, places, length)
            except DamagedChunkError as error:
                raise self._damage(name, f"is damaged ({error})") from None
            if missing:
                raise self._damage(name, f"lacks the item {first + missing[0]}")

    def _read_sharded(
        self, name: str, array: "zarr.Array[Any]", spec: ArraySpec, items: Sequence[int]
    ) -> Array:
        length = _shard_items(array)
        values = np.empty((len(items), *spec.item_shape), spec.dtype)
        rows: dict[int, list[tuple[int, int]]] = {}
        for row, item in enumerate(items):
            shard, place = divmod(range(spec.shape[0])[item], length)
            rows.setdefault(shard, []).append((row, place))
        for shard, wanted in rows.items():
            path = self._look_for(name, array, [shard * length])
            places = [place for _, place in wanted]
            done = -1
            try:
                for done, chunk in enumerate(read_chunks(path, places, length, spec)):
                    values[wanted[done][0]] = chunk
            except DamagedChunkError as error:
                item = shard * length + places[done + 1]
                raise self._damage(name, f"is damaged (item {item}: {error})") from None
        return values

    def _read_plain(
        self, name: str, array: "zarr.Array[Any]", items: Sequence[int] | None
    ) -> Array:
        self._look_for(name, array, range(min(1, array.size)) if items is None else items)
        if items is None or array.ndim == 0:
            return np.asarray(array[...])
        chosen = np.asarray(items, dtype=np.int64)
        return np.asarray(array.oindex[chosen]) if len(chosen) else np.asarray(array[:0])

    def _look_for(self, name: str, array: "zarr.Array[Any]", items: Iterable[int]) -> Path:
        """Look for chunks or shards: Zarr reads one that is gone as zeros, which counts may be."""
        length = _shard_items(array)
        path = self.path / name
        for first in sorted({int(item) // length for item in items}):
            key = chunk_key(first, array.ndim)
            path = self.path / name / key
            if not path.is_file():
                raise self._damage(name, f"lacks the chunk {key}")
        return path

    def _damage(self, name: str, words: str) -> InputError:
        return InputError(f"{self.path}: the array '{name}' {words}; make the data set again")

    def require(self, attributes: Iterable[str], arrays: Iterable[str]) -> None:
        """Make sure that the store holds what its kind needs.

        Raises
        ------
        InputError : An attribute or array is missing.
        """
        for name in attributes:
            if name not in self.attributes:
                raise InputError(
                    f"{self.path}: the attribute '{name}' is missing; make the data set again"
                )
        for name in arrays:
            self._find(name)

    def _find(self, name: str) -> "zarr.Array[Any]":
        try:
            return array_in(self._group, name)
        except KeyError:
            words = "is missing"
        except (OSError, ValueError, TypeError, AssertionError):
            words = "cannot be understood"
        raise self._damage(name, words)


def _shard_items(array: "zarr.Array[Any]") -> int:
    """Items in a file of an array."""
    return (array.shards or array.chunks or (1,))[0]


def open_store(path: Path, kind: str | None = None) -> Store:
    """Open a complete store.

    Raises
    ------
    InputError : Nothing is there, it is unfinished, it is another kind of file, or it is a store of
        another kind than `kind`.
    """
    if not path.exists():
        if partial_path(path).exists():
            raise InputError(
                f"{path}: this data set was not finished; run the command that makes it again, "
                "and it goes on where it stopped"
            )
        raise InputError(f"{path}: no such data set")
    if path.name.endswith(".partial"):
        raise InputError(f"{path}: an unfinished data set; run the command that makes it again")
    try:
        group = zarr.open_group(path, mode="r")
        attributes = dict(group.attrs)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a Zarr data set") from None
    if attributes.get("format") != FORMAT:
        raise InputError(f"{path}: a Zarr group, but not a data set of diffragan")
    if attributes.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path}: written in format version {attributes.get('format_version')}, "
            f"this program reads version {FORMAT_VERSION}; make it again"
        )
    found = attributes.get("kind")
    if kind is not None and found != kind:
        maker = MAKERS.get(kind, kind)
        raise InputError(f"{path}: holds '{found}', but '{kind}' is needed (as `{maker}` writes)")
    return Store(path, group)
