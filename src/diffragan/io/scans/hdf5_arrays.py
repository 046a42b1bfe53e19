"""Arrays of an HDF5 file that may be scans, those in files it refers to among them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffragan.io.scans.array_scan import Sliceable

SMALLEST_FRAME = 8
"""Sides that are shorter are of tables and curves, not of patterns."""
DEEPEST = 16
"""Of groups within groups; links may go round in circles."""
NUMBERED = re.compile(r"(.*_)\d+")
"""Names of arrays that follow each other, as `data_000001`."""


@dataclass(frozen=True, slots=True)
class Found:
    """An array and where it was found."""

    name: str
    """Path in the file that was opened, whichever file the array lies in."""
    array: Any
    """Of h5py, or a `Series`."""
    group: Any
    """In which it stands."""


class Series:
    """Arrays `(frame, q_y, q_x)` that follow each other."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape: tuple[int, ...] = (int(self._ends[-1]), *parts[0].shape[1:])
        self.ndim = len(self.shape)
        self.dtype: np.dtype[Any] = parts[0].dtype

    def __getitem__(self, key: Any, /) -> Any:
        """Return frames `first` up to `last` of all parts."""
        frames = key[0] if isinstance(key, tuple) else key
        first, last, _ = frames.indices(self.shape[0])
        pieces, begin = [], 0
        for part, end in zip(self._parts, self._ends, strict=True):
            if first < end and last > begin:
                pieces.append(part[max(first - begin, 0) : min(last, end) - begin])
            begin = end
        return np.concatenate(pieces)


def arrays_in(file: Any) -> list[Found]:
    """Return all arrays that may be scans, each once though several paths may lead to it."""
    seen: set[Any] = set()
    found = []
    for one in _walk(file, "", 0):
        # Links to the same array have the same address in the same file.
        place = (one.array.file.filename, one.array.id.get_offset() or one.array.name)
        if place not in seen:
            seen.add(place)
            found.append(one)
    return _joined(found)


def _walk(group: Any, path: str, depth: int) -> Iterator[Found]:
    for name in group:
        try:
            thing = group[name]
        except (KeyError, OSError):  # a link to what is not there
            continue
        where = f"{path}/{name}"
        if hasattr(thing, "dtype"):
            if hasattr(thing, "ndim") and _is_scan(thing):
                yield Found(where, thing, group)
        elif hasattr(thing, "keys") and depth < DEEPEST:
            yield from _walk(thing, where, depth + 1)


def _joined(found: list[Found]) -> list[Found]:
    """Join numbered arrays of one group whose frames are alike."""
    series: dict[tuple[str, tuple[int, ...], str], list[Found]] = {}
    joined = []
    for one in sorted(found, key=lambda each: each.name):
        named = NUMBERED.fullmatch(one.name)
        if named is None or one.array.ndim != 3:
            joined.append(one)
        else:
            key = (named[1], tuple(one.array.shape[1:]), str(one.array.dtype))
            series.setdefault(key, []).append(one)
    for (name, *_), parts in series.items():
        if len(parts) == 1:
            joined += parts
        else:
            array: Sliceable = Series([part.array for part in parts])
            joined.append(Found(f"{name}*", array, parts[0].group))
    return joined


def _is_scan(array: Any) -> bool:
    numbers = np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)
    if not numbers or array.ndim not in (3, 4) or not array.size:
        return False
    return bool(sum(side >= SMALLEST_FRAME for side in array.shape) >= 2)
