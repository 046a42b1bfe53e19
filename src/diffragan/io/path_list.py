"""Lists of files: one path a line, relative to the folder of the list."""

import os
from collections.abc import Sequence
from pathlib import Path

from diffragan.errors import InputError
from diffragan.io.files import write_text

LIST_SUFFIX = ".txt"


def read_path_list(path: Path) -> list[Path]:
    """Return the files a list names, in its order; blank lines do not count.

    Raises
    ------
    InputError : The list is missing, is no text, or names nothing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not a list of files, one path a line") from None
    named = [path.parent / line.strip() for line in lines if line.strip()]
    if not named:
        raise InputError(f"{path}: lists no file; use another list")
    return named


def write_path_list(path: Path, files: Sequence[Path]) -> None:
    """Write a list of files, which may be empty; whole or not at all."""
    start = path.parent.absolute()
    write_text(path, "".join(f"{os.path.relpath(file.absolute(), start)}\n" for file in files))
