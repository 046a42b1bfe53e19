"""What was found of every frame of a scan, kept block by block so that a run can go on."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.arrays import read_arrays, write_arrays

BLOCK_FRAMES = 512
"""Frames in a file: some seconds of work, which is what a stop can cost."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """One row for each frame, in the order of the scan."""

    probability: NDArray[np.float64]
    """`(frame, class)`, under the priors of the network's training."""
    scattered_fraction: NDArray[np.float32]
    """`(frame)`, share of the incident electrons that is counted beyond the direct beam."""
    centre: NDArray[np.float64]
    """`(frame, 2)`, row and column of the direct beam [pixels]."""
    position_angstrom: NDArray[np.float32]
    """`(frame, 2)`, where the likeliest molecule lies, x and y from the beam's middle in the axes
    of the detector; means nothing where nothing is [Å]."""
    phase_rad_angstrom2: NDArray[np.float32]
    """`(frame)`, its total phase shift against the ice it displaces [rad Å2]."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.probability)


def joined(parts: list[FrameTable]) -> FrameTable:
    """Join the tables of consecutive frames."""
    return FrameTable(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(FrameTable))
    )


class TableOnDisk:
    """The blocks of one run in a folder; blocks of another run are discarded."""

    def __init__(self, folder: Path, run: str) -> None:
        """Use `folder` for the run of this fingerprint."""
        self._folder, self._run = folder, run

    def read(self, block: int, frames: int) -> tuple[FrameTable, str] | None:
        """Read a block of so many frames, and the hash of their values, if it is there."""
        path = self._path(block)
        if not path.is_file():
            return None
        try:
            arrays, notes = read_arrays(path)
            table = FrameTable(**arrays)
        except (InputError, TypeError):
            return None
        if notes.get("run") != self._run or len(table) != frames:
            return None
        return table, str(notes["sha256"])

    def write(self, block: int, table: FrameTable, sha256: str) -> None:
        """Keep a block."""
        arrays: dict[str, NDArray[Any]] = {
            f.name: getattr(table, f.name) for f in fields(FrameTable)
        }
        write_arrays(self._path(block), arrays, {"run": self._run, "sha256": sha256})

    def _path(self, block: int) -> Path:
        return self._folder / f"frames-{block:06d}.npz"
