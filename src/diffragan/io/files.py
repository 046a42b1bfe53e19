"""Write a file so that a reader sees the old one or the whole new one, never a part."""

import errno
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from diffragan.errors import InputError, OutputError


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a new name in the folder of `final`, and rename it to `final` at the end.

    The suffix of `final` is kept, because libraries choose a format by it. When the block fails
    nothing is left behind and an older `final` stays as it was.

    Raises
    ------
    OutputError : The folder of `final` is missing or cannot be written to, or a folder stands
        where the file should go.
    """
    if not final.parent.is_dir():
        raise OutputError(f"{final}: the folder {final.parent} does not exist; create it first")
    if not os.access(final.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{final}: the folder {final.parent} cannot be written to")
    if final.is_dir():
        raise OutputError(f"{final}: is a folder; name a file to write")
    beside = final.with_name(f".{final.stem}.{secrets.token_hex(4)}{final.suffix}")
    try:
        yield beside
        beside.replace(final)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Give the system's errors in the block a file name: a full disk's have none."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with its line ends as they are."""
    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes."""
    with named_in_errors(path), atomic_path(path) as beside:
        beside.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON with sorted keys; a number that is not finite becomes `null`.

    Numpy and torch scalars and arrays are written as numbers and lists, paths as text.
    """
    write_text(path, json.dumps(_plain(value), indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError : It is missing, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise InputError(f"{path}: is not JSON, or only a part of it; write it again") from None


def output_folder(path: Path) -> Path:
    """Create a folder (with its parents) that can be written to, and return it.

    Raises
    ------
    OutputError : A file stands in the way, the place cannot be written to, or lies in a data set.
    """
    for folder in (path, *path.absolute().parents):
        if (folder / "zarr.json").exists():
            raise OutputError(f"{path}: lies inside the data set {folder}; choose another place")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise OutputError(
            f"{path}: a file stands where the folder should go; choose another name"
        ) from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise OutputError(
            f"{path}: cannot create this folder ({error.strerror}); choose a place you can write to"
        ) from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise OutputError(
            f"{path}: this folder cannot be written to; choose a place you can write to"
        )
    return path


def _plain(value: Any) -> Any:
    """Turn a value into what JSON knows."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy and torch, without importing either
        return _plain(value.tolist())
    raise TypeError(f"cannot write {type(value).__name__} as JSON")
