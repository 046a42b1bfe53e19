"""Sections of a map while it grows from the coarse start to the end of the data."""

from collections.abc import Sequence
from pathlib import Path

import torch

from diffragan.grid import Grid
from diffragan.io.checkpoints import Checkpoint
from diffragan.io.mrc import write_stack
from diffragan.reconstruction.many_views.extension import CycleRecord
from diffragan.reconstruction.many_views.steps import pack, tensors_of
from diffragan.typing import Float, Tensor, Volume

GROWTH = "growth.mrcs"


class Growth:
    """Central sections of one run, the start's first, each with how far its data reached."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.sections: list[Float[Tensor, "y x"]] = []
        self.rows: list[dict[str, float]] = []

    def begin(self, start: Volume, resolution_angstrom: float) -> None:
        """Take the coarse map, and forget what came before."""
        self.sections, self.rows = [_section(start)], [_row(0, 1 / resolution_angstrom)]

    def add(self, record: CycleRecord, volume: Volume) -> None:
        """Take the map of a cycle."""
        self.sections.append(_section(volume))
        self.rows.append(_row(record.iteration, record.limit_per_angstrom))

    def packed(self) -> Checkpoint:
        """Make a checkpoint of it."""
        return pack({"sections": torch.stack(self.sections)}, {"rows": self.rows})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up what an earlier run kept."""
        self.sections = list(tensors_of(checkpoint)["sections"])
        rows: Sequence[dict[str, float]] = checkpoint.description["rows"]
        self.rows = [dict(row) for row in rows]

    def write(self, folder: Path, grid: Grid) -> None:
        """Write the sections as a stack; `rows` tells of each."""
        stack = torch.stack(self.sections).numpy()
        write_stack(folder / GROWTH, stack, grid.pixel_angstrom, "sections z = 0 of a growing map")


def _section(volume: Volume) -> Float[Tensor, "y x"]:
    """Section through the origin, which lies at voxel [0, 0, 0]; in the picture at n // 2."""
    section: Tensor = torch.fft.fftshift(volume[0])
    return section.cpu().float()


def _row(iteration: int, limit_per_angstrom: float) -> dict[str, float]:
    return {"iteration": iteration, "limit_per_angstrom": limit_per_angstrom}
