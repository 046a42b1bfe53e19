"""The folder of one experiment: written beside its name, and renamed when it is complete."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import OutputError
from diffragan.io.files import output_folder, write_text
from diffragan.io.store_checks import check_room

MARK = ".unfinished"
"""In a folder that a simulation has begun, and may begin again."""


def check_new_folder(path: Path, needed_bytes: int) -> None:
    """Make sure that an experiment can be written there.

    Raises
    ------
    OutputError : Something is there already, or the disk is too small.
    """
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        raise OutputError(f"{path}: is there already; remove it or choose another name")
    partial = _partial(path)
    if partial.exists() and not (partial / MARK).exists():
        raise OutputError(f"{partial}: stands where {path.name} is to be made; move it away")
    check_room(path, needed_bytes, "make a smaller scan")


@contextmanager
def new_experiment_folder(path: Path) -> Iterator[Path]:
    """Yield `NAME.partial`, and rename it to `path` at the end; what was left there is removed."""
    partial = _partial(path)
    if partial.exists():
        shutil.rmtree(partial)
    output_folder(partial)
    mark = partial / MARK
    write_text(mark, "")
    yield partial
    mark.unlink()
    if path.is_dir():
        path.rmdir()
    partial.rename(path)


def write_acquisition(path: Path, settings: AcquisitionSettings) -> None:
    """Write the settings of an experiment as YAML, without what is left out."""
    values = settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    write_text(path, yaml.safe_dump({"kind": settings.kind, **values}, sort_keys=False))


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
