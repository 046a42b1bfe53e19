"""The Zarr store: arrays with axes and units, read whole or item by item.

A store grows under `NAME.zarr.partial` (see `store_writer`) and gets its own name only when every
item is in it, so a store with its final name is always complete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from pydantic import ValidationError

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError

FORMAT = "diffragan"
FORMAT_VERSION = 1
MAKERS = {"triplets": "diffragan simulate", "phased": "diffragan phase"}
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


def array_in(group: zarr.Group, name: str) -> "zarr.Array[Any]":
    """Return an array of a group."""
    array = group[name]
    assert isinstance(array, zarr.Array)
    # Zarr would leave chunks of nothing but zeros out, and they could not be told from lost ones.
    return array.with_config({"write_empty_chunks": True})


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
        """What the store holds, `triplets` or `phased`."""
        return str(self.attributes.get("kind"))

    def array_names(self) -> list[str]:
        """Names of the arrays in the store."""
        return sorted(folder.parent.name for folder in self.path.glob("*/zarr.json"))

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
        self._check_chunks(name, array, items)
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
                f"{self.path}: the array '{name}' holds values that are not finite; "
                "make the data set again"
            )
        return values

    def _check_chunks(
        self, name: str, array: "zarr.Array[Any]", items: Sequence[int] | None
    ) -> None:
        """Look for the chunks: Zarr reads one that is gone as zeros, which counts may be."""
        if array.chunks[:1] != (1,):
            firsts: Iterable[int] = range(min(1, array.size))
        else:
            firsts = range(array.shape[0]) if items is None else items
        for first in firsts:
            key = array.metadata.encode_chunk_key((int(first), *[0] * (array.ndim - 1)))
            if not (self.path / name / key).is_file():
                raise InputError(
                    f"{self.path}: the array '{name}' lacks the chunk {key}; "
                    "make the data set again"
                )

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
        raise InputError(f"{self.path}: the array '{name}' {words}; make the data set again")


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
