"""What was measured of the frames of a scan, kept block by block so that a run can go on."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classify import MeasuredFrames
from diffragan.acquisition.hits.statistics import FrameStatistics
from diffragan.errors import InputError
from diffragan.io.arrays import read_arrays, write_arrays
from diffragan.io.store_checks import check_room
from diffragan.progress import tell

BLOCK_FRAMES = 512
"""Frames in a file: some seconds of work, which is what a stop can cost."""
FRAME_DISK_BYTES, FRAME_MEMORY_BYTES = 4_000, 7_000
"""What is kept of a frame, whatever its size: compressed in a block, and gathered with all others.
"""
STATISTICS = "statistics."


class BlocksOnDisk:
    """The blocks of one run in a folder; those of other runs are not read, and replaced."""

    def __init__(self, folder: Path, run: str) -> None:
        """Use `folder` for the run of this fingerprint."""
        self._folder, self._run = folder, run

    def check_room(self, frames: int) -> None:
        """Say what the blocks of so many frames need, and make sure that the disk has it.

        Raises
        ------
        OutputError : It has not; says how much is needed and free.
        """
        disk, memory = frames * FRAME_DISK_BYTES, frames * FRAME_MEMORY_BYTES
        there = sum(path.stat().st_size for path in self._folder.glob("frames-*.npz"))
        tell(
            f"{frames:,} frames: what is measured of them takes about {memory / 1e9:.2g} GB of "
            f"memory and {disk / 1e9:.2g} GB in {self._folder}"
        )
        check_room(self._folder, disk - there)

    def read(self, block: int, frames: int) -> tuple[MeasuredFrames, str] | None:
        """Read a block of so many frames, and the hash of their values, if it is there."""
        path = self._path(block)
        if not path.is_file():
            return None
        try:
            arrays, notes = read_arrays(path)
            measured = _unpacked(arrays)
        except (InputError, KeyError, TypeError):
            return None
        if notes.get("run") != self._run or len(measured) != frames:
            return None
        return measured, str(notes["sha256"])

    def write(self, block: int, measured: MeasuredFrames, sha256: str) -> None:
        """Keep a block."""
        write_arrays(self._path(block), _packed(measured), {"run": self._run, "sha256": sha256})

    def _path(self, block: int) -> Path:
        return self._folder / f"frames-{block:06d}.npz"


class AllFrames:
    """The frames of a whole scan, gathered block by block with no second copy in memory."""

    def __init__(self, frames: int) -> None:
        """Make room for so many frames."""
        self._frames, self._arrays = frames, dict[str, NDArray[Any]]()

    def put(self, first: int, measured: MeasuredFrames) -> None:
        """Put a block where its first frame belongs."""
        for name, values in _packed(measured).items():
            if name not in self._arrays:
                self._arrays[name] = np.empty((self._frames, *values.shape[1:]), np.float32)
            self._arrays[name][first : first + len(values)] = values

    def gathered(self) -> MeasuredFrames:
        """Return all of them."""
        return _unpacked(self._arrays)


def _packed(measured: MeasuredFrames) -> dict[str, NDArray[Any]]:
    """Arrays by name; single precision holds all that was measured."""
    of_frames = {
        STATISTICS + field.name: getattr(measured.statistics, field.name)
        for field in fields(FrameStatistics)
    }
    others = {field.name: getattr(measured, field.name) for field in fields(MeasuredFrames)[1:]}
    return {name: np.asarray(values, np.float32) for name, values in (of_frames | others).items()}


def _unpacked(arrays: dict[str, NDArray[Any]]) -> MeasuredFrames:
    statistics = FrameStatistics(
        *(arrays[STATISTICS + field.name] for field in fields(FrameStatistics))
    )
    return MeasuredFrames(statistics, *(arrays[f.name] for f in fields(MeasuredFrames)[1:]))


def single_precision(measured: MeasuredFrames) -> MeasuredFrames:
    """Return what a block is once it was on the disk, so that stopping changes nothing."""
    return _unpacked(_packed(measured))
