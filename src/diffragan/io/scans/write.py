"""Writing a scan a few frames at a time, in the formats of detectors' makers."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import ConfigError, InputError, nearest
from diffragan.io.files import atomic_path, named_in_errors, write_text
from diffragan.io.scans.scan import Frames
from diffragan.io.scans.scan_to_write import BinaryFormat, ScanToWrite
from diffragan.io.scans.write_empad import EMPAD
from diffragan.io.scans.write_mib import MIB
from diffragan.io.scans.write_raw import RAW
from diffragan.io.scans.write_tvips import TVIPS

FORMATS: Mapping[str, BinaryFormat] = {"mib": MIB, "tvips": TVIPS, "empad": EMPAD, "raw": RAW}


def scan_file_name(stem: str, format_name: str) -> str:
    """Name a file so that other programs know its format by the name."""
    return stem + _format(format_name).ending


@contextmanager
def scan_writer(
    path: Path,
    format_name: str,
    shape: tuple[int, int],
    frame_shape: tuple[int, int],
    dtype: DTypeLike,
    settings: ScanSettings,
) -> Iterator[Callable[[Frames], None]]:
    """Yield a function that appends frames `(n, q_y, q_x)`; the file gets its name at the end.

    Parameters
    ----------
    path : File to write, best named by `scan_file_name`; files beside it are named after it.
    format_name : `mib`, `tvips`, `empad` or `raw`.
    shape : Positions along y and x; frames come with x running fastest.
    dtype : Type of the values in the file; what it cannot hold is an error.
    settings : What the header says, as far as the format has a place for it.

    Raises
    ------
    ConfigError : The format is not known, or cannot hold such frames.
    InputError : Other frames came than were announced.
    OutputError : The file cannot be written there.
    """
    chosen = _format(format_name)
    job = ScanToWrite(shape, frame_shape, np.dtype(dtype), settings)
    chosen.check(job)
    written = 0
    with named_in_errors(path), atomic_path(path) as beside:
        with beside.open("wb") as file:
            file.write(chosen.start(job))

            def write(frames: Frames) -> None:
                nonlocal written
                exact = _exact(path, frames, job)
                if written + len(exact) > job.frames:
                    raise InputError(f"{path}: more than the {job.frames} frames announced came")
                file.write(chosen.records(job, written, exact).tobytes())
                written += len(exact)

            yield write
            if written != job.frames:
                raise InputError(f"{path}: {written} frames came for a scan of {job.frames}")
        for name, text in chosen.beside(job, path).items():
            write_text(path.with_name(name), text)


def _format(name: str) -> BinaryFormat:
    if name not in FORMATS:
        raise ConfigError(f"there is no scan format '{name}' to write; {nearest(name, FORMATS)}")
    return FORMATS[name]


def _exact(path: Path, frames: Frames, job: ScanToWrite) -> NDArray[Any]:
    """Return frames in the file's type, refusing what it would change."""
    if frames.ndim != 3 or frames.shape[1:] != job.frame_shape:
        raise InputError(
            f"{path}: frames of {frames.shape[1:]} pixels came for a scan of {job.frame_shape}"
        )
    exact = frames.astype(job.dtype)
    if np.issubdtype(job.dtype, np.integer) and not np.array_equal(exact, frames):
        raise InputError(
            f"{path}: values to {frames.max():g} do not fit whole into {job.dtype}; take a larger "
            "type"
        )
    return exact
