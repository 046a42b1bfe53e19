"""Words for what can go wrong while a scan's file is opened or read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffragan.errors import InputError


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the system's errors in the block into an `InputError` that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except PermissionError:
        raise InputError(f"{path}: may not be read; ask its owner for permission") from None
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:100]
        raise InputError(f"{path}: cannot be read ({reason})") from None


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turn what libraries raise in the block on a damaged file into an `InputError` too."""
    with readable(path):
        try:
            yield
        except (ValueError, RuntimeError, LookupError, TypeError) as error:
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            raise InputError(f"{path}: is damaged or cut off ({reason})") from None


def start_of(path: Path, count: int) -> bytes:
    """Read the first `count` bytes of a file, or as many as it has."""
    with readable(path), path.open("rb") as file:
        return file.read(count)


def size_of(path: Path) -> int:
    """Return the bytes of a file that are written by now."""
    with readable(path):
        return path.stat().st_size
