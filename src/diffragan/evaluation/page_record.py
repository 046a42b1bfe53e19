"""What a page was made of besides the numbers, so that it can be made again from its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffragan.errors import InputError
from diffragan.evaluation.figures import Drawn
from diffragan.evaluation.schema import PAGE_VERSION, SCHEMA_VERSION
from diffragan.io.files import read_json, write_json

FILE = "page.json"
METRICS = "metrics.json"
NEEDED = ("methods", "controls", "measured_limit_angstrom", "data", "verdict_rule", "provenance")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """Title, notes and figures of a page."""

    title: str
    notes: tuple[str, ...]
    methods: tuple[str, ...]
    """In the order in which they were given; their colours depend on it."""
    figures: tuple[Drawn, ...]
    maps: tuple[Path, ...]
    """Where maps were read from, and still are."""


def write_record(
    folder: Path,
    title: str,
    notes: Sequence[str],
    methods: Sequence[str],
    figures: Sequence[Drawn],
    maps: Sequence[Path],
) -> None:
    """Write `page.json`; figures are named from the folder on, so that it can be moved."""
    drawn = [
        {
            "name": figure.name,
            "png": figure.png.relative_to(folder).as_posix(),
            "svg": figure.svg.relative_to(folder).as_posix(),
            "caption": figure.caption,
            "alt": figure.alt,
        }
        for figure in figures
        if figure.png.is_relative_to(folder)
    ]
    content = {
        "version": PAGE_VERSION,
        "title": title,
        "notes": list(notes),
        "methods": list(methods),
        "figures": drawn,
        "maps": [place.resolve() for place in maps],
    }
    write_json(folder / FILE, content)


def read_record(folder: Path) -> PageRecord:
    """Read `page.json`; figures and maps that are gone are left out.

    Raises
    ------
    InputError : It is missing, damaged, or of another version of the program.
    """
    path = folder / FILE
    if not path.exists():
        raise InputError(
            f"{folder}: holds no {FILE}; name a folder that this version of `diffragan evaluate` "
            "wrote"
        )
    content = read_json(path)
    if isinstance(content, dict):
        _check_version(path, "version", content, PAGE_VERSION)
    try:
        figures = [
            Drawn(f["name"], folder / f["png"], folder / f["svg"], f["caption"], f["alt"])
            for f in content["figures"]
        ]
        there = tuple(f for f in figures if f.png.exists() and f.svg.exists())
        return PageRecord(
            str(content["title"]),
            tuple(map(str, content["notes"])),
            tuple(map(str, content["methods"])),
            there,
            tuple(place for place in map(Path, content["maps"]) if place.exists()),
        )
    except (KeyError, TypeError):
        raise InputError(f"{path}: damaged; evaluate again") from None


def read_metrics(folder: Path, methods: Sequence[str]) -> dict[str, Any]:
    """Read `metrics.json` of an evaluation, its methods in this order.

    Raises
    ------
    InputError : It is missing, damaged, or of an older version of the program.
    """
    path = folder / METRICS
    if not path.exists():
        raise InputError(f"{folder}: holds no {METRICS}; name a folder that `evaluate` wrote")
    return read_metrics_file(path, methods)


def read_metrics_file(path: Path, methods: Sequence[str] = ()) -> dict[str, Any]:
    """Read a `metrics.json` by its path, its methods in this order.

    Raises
    ------
    InputError : It is missing, damaged, or of an older version of the program.
    """
    content = read_json(path)
    if not isinstance(content, dict) or "methods" not in content:
        raise InputError(f"{path}: holds no evaluation; evaluate again")
    _check_version(path, "schema_version", content, SCHEMA_VERSION)
    missing = [key for key in NEEDED if key not in content]
    if missing:
        raise InputError(
            f"{path}: lacks '{missing[0]}', so it is of another version of diffragan; "
            "evaluate again with this one"
        )
    found: dict[str, Any] = content["methods"]
    order = [*(name for name in methods if name in found), *(n for n in found if n not in methods)]
    return {**content, "methods": {name: found[name] for name in order}}


def _check_version(path: Path, key: str, content: Mapping[str, Any], known: int) -> None:
    found = content.get(key)
    if found != known:
        told = "names no version" if found is None else f"is of version {found}"
        raise InputError(
            f"{path}: {told}, and this diffragan reads version {known}; "
            "evaluate again with this one"
        )
