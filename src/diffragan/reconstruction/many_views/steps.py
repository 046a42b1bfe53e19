"""Steps of a run that are kept on disk, so that a killed one goes on where it left off."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from diffragan.grid import Grid
from diffragan.io.checkpoints import DESCRIPTION, Checkpoint, read_checkpoint, write_checkpoint
from diffragan.reconstruction.many_views.agreement import RFactors
from diffragan.reconstruction.many_views.extension import CycleRecord, Extended
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.typing import Tensor

Made = TypeVar("Made")
_PART = "tensors"
_SUMS = ("values", "expected", "squares", "weights")


@dataclass(frozen=True, slots=True)
class Steps:
    """A folder with the steps that are done."""

    folder: Path
    device: str = "cpu"
    """Where tensors that are read go."""

    def once(
        self,
        name: str,
        make: Callable[[], Made],
        packed: Callable[[Made], Checkpoint],
        unpacked: Callable[[Checkpoint], Made],
    ) -> Made:
        """Return what a step made in an earlier run, or make it now and keep it."""
        if self.has(name):
            return unpacked(self.read(name))
        made = make()
        self.write(name, packed(made))
        return made

    def has(self, name: str) -> bool:
        """Whether a step is done."""
        return (self.folder / name / DESCRIPTION).is_file()

    def read(self, name: str) -> Checkpoint:
        """Read a step that is done."""
        return read_checkpoint(self.folder / name)

    def write(self, name: str, checkpoint: Checkpoint) -> None:
        """Keep a step."""
        write_checkpoint(self.folder / name, checkpoint)

    def extended_once(self, name: str, make: Callable[[], Extended]) -> Extended:
        """Extend phases, or take the run from an earlier one."""
        return self.once(name, make, packed_run, self._run)

    def _run(self, checkpoint: Checkpoint) -> Extended:
        tensors, words = tensors_of(checkpoint, self.device), checkpoint.description
        records = [
            CycleRecord(
                int(row["iteration"]),
                float(row["limit_per_angstrom"]),
                float(row["support_angstrom3"]),
                RFactors(float(row["work"]), float(row["free"]), work, free, float(row["gain"])),
            )
            for row, work, free in zip(
                words["records"], tensors["work"].cpu(), tensors["free"].cpu(), strict=True
            )
        ]
        chosen = int(words["chosen"])
        return Extended(tensors["volume"], tensors["support"], tuple(records), chosen)


def pack(tensors: dict[str, Tensor], words: dict[str, Any] | None = None) -> Checkpoint:
    """Make a checkpoint of tensors and plain values."""
    on_cpu = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
    return Checkpoint({_PART: on_cpu}, words or {})


def tensors_of(checkpoint: Checkpoint, device: str = "cpu") -> dict[str, Tensor]:
    """Return the tensors of a checkpoint that `pack` made."""
    return {name: tensor.to(device) for name, tensor in checkpoint.tensors[_PART].items()}


def packed_merge(merged: Merged) -> Checkpoint:
    """Make a checkpoint of a merge."""
    sums = {name: getattr(merged, name) for name in _SUMS}
    if merged.background is not None:
        sums["background"] = merged.background
    return pack(
        sums,
        {
            "pixels": merged.grid.pixels,
            "box_angstrom": merged.grid.box_angstrom,
            "counted": merged.counted,
            "limit_per_angstrom": merged.limit_per_angstrom,
            "views": merged.views,
            "spread_per_angstrom": merged.spread_per_angstrom,
        },
    )


def unpacked_merge(checkpoint: Checkpoint, device: str = "cpu") -> Merged:
    """Take a merge out of a checkpoint."""
    tensors, words = tensors_of(checkpoint, device), checkpoint.description
    return Merged(
        Grid(int(words["pixels"]), float(words["box_angstrom"])),
        tensors["values"],
        tensors["expected"],
        tensors["squares"],
        tensors["weights"],
        bool(words["counted"]),
        float(words["limit_per_angstrom"]),
        int(words["views"]),
        tensors.get("background"),
        float(words["spread_per_angstrom"]),
    )


def packed_run(run: Extended) -> Checkpoint:
    """Make a checkpoint of a run of phase extension."""
    factors = [record.r_factors for record in run.records]
    rows = [
        {
            "iteration": record.iteration,
            "limit_per_angstrom": record.limit_per_angstrom,
            "support_angstrom3": record.support_angstrom3,
            "work": record.r_factors.work,
            "free": record.r_factors.free,
            "gain": record.r_factors.free_gain,
        }
        for record in run.records
    ]
    return pack(
        {
            "volume": run.volume,
            "support": run.support,
            "work": torch.stack([one.work_by_shell for one in factors]),
            "free": torch.stack([one.free_by_shell for one in factors]),
        },
        {"records": rows, "chosen": run.chosen},
    )
