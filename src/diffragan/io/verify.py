"""Verifying a complete store: every value is read and compared with what was written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.io.layout import CHECKSUM, METADATA, RUN_ITEMS_ATTRIBUTE
from diffragan.io.provenance import fingerprint
from diffragan.io.shards import item_checksum
from diffragan.io.store import Store

NOT_IDENTIFIED = {"format", "format_version", "kind", RUN_ITEMS_ATTRIBUTE, "identity", "source"}
"""Attributes of the storage and of the place of other data: they do not tell what the data are."""


def verify(store: Store) -> Iterator[int]:
    """Check a store, and yield the number of items that were read since the last time.

    Compares the identity with the settings, inputs and provenance it stands for, the metadata of
    each array with the group's copy, the bytes of every chunk with their checksum, and those of
    every item with the item's.

    Raises
    ------
    InputError : Says the first problem found.
    """
    _check_identity(store)
    names = store.array_names()
    for name in names:
        _check_metadata(store.path, name)
    specs = {name: store.describe(name) for name in names}
    for name, spec in specs.items():
        if not spec.per_item:
            store.read(name)
    counted = sorted(name for name, spec in specs.items() if spec.per_item and name != CHECKSUM)
    written, step = store.read(CHECKSUM), int(store.attributes[RUN_ITEMS_ATTRIBUTE])
    for name in counted:
        if len(written) != specs[name].shape[0]:
            raise InputError(
                f"{store.path}: the array '{name}' holds {specs[name].shape[0]} items, others "
                f"{len(written)}; make the data set again"
            )
    for first in range(0, len(written), step):
        items = range(first, min(first + step, len(written)))
        arrays = {name: store.read(name, items) for name in counted}
        for row, item in enumerate(items):
            found = item_checksum({name: values[row] for name, values in arrays.items()})
            if found != written[item]:
                raise InputError(
                    f"{store.path}: item {item} is not what was written under this number (its "
                    "checksum differs); make the data set again"
                )
        yield len(items)


def _check_identity(store: Store) -> None:
    store.require(("identity", RUN_ITEMS_ATTRIBUTE), (CHECKSUM,))
    content = {key: value for key, value in store.attributes.items() if key not in NOT_IDENTIFIED}
    if fingerprint(content) != store.attributes["identity"]:
        raise InputError(
            f"{store.path}: its attributes are not those its identity was made from; make the data "
            "set again"
        )


def _check_metadata(path: Path, name: str) -> None:
    """Compare an array's metadata with the copy in the group's."""
    try:
        own: Any = json.loads((path / name / METADATA).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        own = None
    group = json.loads((path / METADATA).read_text(encoding="utf-8"))
    copy = group.get("consolidated_metadata", {}).get("metadata", {}).get(name)
    if own != copy:
        raise InputError(
            f"{path}: the metadata of the array '{name}' are damaged; make the data set again"
        )
