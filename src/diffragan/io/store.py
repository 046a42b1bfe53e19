"""The Zarr store: arrays with axes and units, written item by item, resumed, or whole.

A store grows under `NAME.zarr.partial` and gets its own name only when every item is in it, so a
store with its final name is always complete. Items are independent: several processes may write
different ones, in any order, and the bytes come out the same.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from diffragan.errors import InputError, OutputError
from diffragan.io.files import output_folder

FORMAT = "diffragan"
FORMAT_VERSION = 1
JOURNAL = "items.done"
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array of a store: its shape, axes and unit, and how it is cut into chunks."""

    shape: tuple[int, ...]
    dtype: str
    axes: tuple[str, ...]
    unit: str
    meaning: str
    per_item: bool = True
    """Whether the first axis counts items, each in a chunk of its own."""
    nan_means: str = ""
    """What a NaN says, where one is allowed; otherwise it is damage."""

    @property
    def item_bytes(self) -> int:
        """Uncompressed size of one item [bytes]."""
        shape = self.shape[1:] if self.per_item else self.shape
        return int(np.prod(shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def partial_path(path: Path) -> Path:
    """Where a store grows before it is complete."""
    return path.with_name(path.name + ".partial")


class StoreWriter:
    """Writes a store; made anew or taken up where an earlier run with the same attributes ended."""

    def __init__(
        self, path: Path, kind: str, specs: Mapping[str, ArraySpec], attributes: Any
    ) -> None:
        """Open `path.partial`; `attributes` must be plain JSON and the same for the same data.

        Raises
        ------
        OutputError : Something that is not a store of this package stands at `path`.
        """
        check_store_target(path)
        output_folder(path.parent)
        self.path = path
        self._partial = partial_path(path)
        described = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": kind,
            **json.loads(json.dumps(attributes)),
        }
        self.done = self._take_up(described)
        if not self._partial.exists():
            self._create(specs, described)

    @property
    def partial(self) -> Path:
        """Folder that other processes write items into with `write_item`."""
        return self._partial

    def _take_up(self, described: dict[str, Any]) -> set[int]:
        """Return the items an earlier run finished, or clear away what belongs to other data."""
        if not self._partial.exists():
            return set()
        journal = self._partial / JOURNAL
        try:
            same = dict(zarr.open_group(self._partial, mode="r").attrs) == described
            lines = journal.read_text().splitlines(keepends=True)
            done = {int(line) for line in lines if line.endswith("\n")}
        except (OSError, ValueError, KeyError, TypeError):
            same, done = False, set()
        if not same:
            shutil.rmtree(self._partial)
            return set()
        return done

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
                config={"write_empty_chunks": True},
            )
        (self._partial / JOURNAL).touch()

    def write_whole(self, arrays: Mapping[str, Array]) -> None:
        """Write arrays that do not count items."""
        group = zarr.open_group(self._partial, mode="r+")
        for name, values in arrays.items():
            _array(group, name)[...] = values

    def mark(self, item: int) -> None:
        """Record that an item is complete, so that a restart leaves it alone."""
        with (self._partial / JOURNAL).open("a") as journal:
            journal.write(f"{item}\n")
        self.done.add(item)

    def finish(self) -> None:
        """Give the complete store its name, replacing an older store of that name."""
        for stray in self._partial.rglob("*.partial"):
            stray.unlink()
        (self._partial / JOURNAL).unlink()
        if self.path.exists():
            old = self.path.with_name(self.path.name + ".old")
            shutil.rmtree(old, ignore_errors=True)
            self.path.rename(old)
            self._partial.rename(self.path)
            shutil.rmtree(old)
        else:
            self._partial.rename(self.path)


def write_item(partial: Path, item: int, arrays: Mapping[str, Array | float]) -> None:
    """Write one item's arrays into a growing store; safe from several processes."""
    group = zarr.open_group(partial, mode="r+")
    for name, values in arrays.items():
        _array(group, name)[item] = values


def check_store_target(path: Path) -> None:
    """Refuse to replace anything at `path` but a store of this package.

    Raises
    ------
    OutputError : A file or a foreign folder stands there, or the name does not end in `.zarr`.
    """
    if path.suffix != ".zarr":
        raise OutputError(f"{path}: a data set is a folder whose name ends in .zarr; rename it")
    if path.is_file():
        raise OutputError(
            f"{path}: a file stands where the data set should go; choose another name"
        )
    if path.is_dir() and any(path.iterdir()):
        try:
            open_store(path)
        except InputError:
            raise OutputError(
                f"{path}: this folder is not a data set of diffragan and will not be replaced; "
                "choose another name"
            ) from None


def _array(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array


class Store:
    """A complete store, open for reading."""

    def __init__(self, path: Path, group: zarr.Group) -> None:
        self.path = path
        self._group = group
        self.attributes: dict[str, Any] = dict(group.attrs)

    @property
    def kind(self) -> str:
        """What the store holds, `triplets` or `phased`."""
        return str(self.attributes["kind"])

    def array_names(self) -> list[str]:
        """Names of the arrays in the store."""
        return sorted(name for name, _ in self._group.arrays())

    def describe(self, name: str) -> ArraySpec:
        """Shape, axes, unit and meaning of an array."""
        array = self._find(name)
        axes = tuple(str(axis) for axis in (array.metadata.dimension_names or ()))  # type: ignore[union-attr]
        attributes = dict(array.attrs)
        return ArraySpec(
            array.shape,
            str(array.dtype),
            axes,
            str(attributes.get("unit", "")),
            str(attributes.get("meaning", "")),
            nan_means=str(attributes.get("nan_means", "")),
        )

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        """Read an array, or some items of it.

        Raises
        ------
        InputError : The array is missing, damaged, or holds values that are not finite.
        """
        array = self._find(name)
        try:
            if items is None:
                values = np.asarray(array[...])
            else:
                values = np.stack([np.asarray(array[int(i)]) for i in items])
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            words = " ".join(str(error).split())[:80]
            raise InputError(
                f"{self.path}: the array '{name}' is damaged ({words}); make the data set again"
            ) from None
        checked = values.dtype.kind in "fc" and not array.attrs.get("nan_means")
        if checked and not np.isfinite(values).all():
            raise InputError(
                f"{self.path}: the array '{name}' holds values that are not finite, or chunks "
                "of it are missing; make the data set again"
            )
        return values

    def _find(self, name: str) -> "zarr.Array[Any]":
        if name not in self._group:
            raise InputError(f"{self.path}: the array '{name}' is missing; make the data set again")
        return _array(self._group, name)


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
        makers = {"triplets": "diffragan simulate", "phased": "diffragan phase"}
        maker = makers.get(kind, kind)
        raise InputError(f"{path}: holds '{found}', but '{kind}' is needed (as `{maker}` writes)")
    return Store(path, group)
