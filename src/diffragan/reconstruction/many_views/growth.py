"""Slabs of a map while it grows from the coarse start to the end of the data."""

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
SLAB_ANGSTROM = 3.0
"""Thick enough that whole side chains show, thin enough that they do not overlap."""


class Growth:
    """Central slabs of one run, the start's first, each with how far its data reached."""

    def __init__(self, grid: Grid) -> None:
        """Begin with nothing."""
        self.grid = grid
        self.slabs: list[Float[Tensor, "y x"]] = []
        self.rows: list[dict[str, float]] = []

    def begin(self, start: Volume, resolution_angstrom: float) -> None:
        """Take the coarse map, and forget what came before."""
        self.slabs, self.rows = [_slab(start, self.grid)], [_row(0, 1 / resolution_angstrom)]

    def add(self, record: CycleRecord, volume: Volume) -> None:
        """Take the map of a cycle."""
        self.slabs.append(_slab(volume, self.grid))
        self.rows.append(_row(record.iteration, record.limit_per_angstrom))

    def packed(self) -> Checkpoint:
        """Make a checkpoint of it."""
        return pack({"slabs": torch.stack(self.slabs)}, {"rows": self.rows})

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up what an earlier run kept."""
        self.slabs = list(tensors_of(checkpoint)["slabs"])
        rows: Sequence[dict[str, float]] = checkpoint.description["rows"]
        self.rows = [dict(row) for row in rows]

    def write(self, folder: Path) -> None:
        """Write the slabs as a stack; `rows` tells of each."""
        stack, pixel = torch.stack(self.slabs).numpy(), self.grid.pixel_angstrom
        write_stack(folder / GROWTH, stack, pixel, "slabs around z = 0 of a growing map")


def _slab(volume: Volume, grid: Grid) -> Float[Tensor, "y x"]:
    """Mean of the sections around the origin, which lies at voxel [0, 0, 0]; then at n // 2."""
    reach = round((SLAB_ANGSTROM / grid.pixel_angstrom - 1) / 2)
    sections = torch.stack([volume[z] for z in range(-reach, reach + 1)])
    slab: Tensor = torch.fft.fftshift(sections.mean(0))
    return slab.cpu().float()


def _row(iteration: int, limit_per_angstrom: float) -> dict[str, float]:
    return {"iteration": iteration, "limit_per_angstrom": limit_per_angstrom}
