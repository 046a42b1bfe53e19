"""Merge patterns of unknown orientation with Dragonfly, and read its result in our terms."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffragan.errors import ProgramError
from diffragan.grid import Grid
from diffragan.io.dragonfly_hdf5 import EmcOutput, read_output
from diffragan.reconstruction.dragonfly.cube import half_of_cube
from diffragan.reconstruction.dragonfly.folder import (
    CONFIG,
    LOG,
    RESULTS,
    tell_needs,
    write_folder,
    write_start,
)
from diffragan.reconstruction.dragonfly.messages import DRAGONFLY
from diffragan.reconstruction.dragonfly.settings import DragonflySettings
from diffragan.reconstruction.external_program import run_external
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.unfinished import claim_folder
from diffragan.rotations import matrix_from_quaternion
from diffragan.typing import Bool, Float, Tensor

OUTPUT_LOG = "dragonfly.log"
"""All that the program prints."""


@dataclass(frozen=True, slots=True)
class ByDragonfly:
    """What Dragonfly made of the patterns, in a frame of its own choice."""

    intensity: Float[Tensor, "z y half_x"]
    """On our grid in FFT order, 0 where nothing came [V2 Å6]."""
    known: Bool[Tensor, "z y half_x"]
    """Where something came."""
    rotations: Float[Tensor, "view 3 3"]
    """Each used pattern's likeliest orientation, molecule to laboratory frame."""
    information: Float[Tensor, " view"]
    """How far each pattern tells its orientation [nats]."""


def merge_with_dragonfly(
    program: str,
    patterns: PatternSet,
    grid: Grid,
    settings: DragonflySettings,
    folder: Path,
    start: Float[Tensor, "z y half_x"] | None = None,
) -> ByDragonfly:
    """Run EMC, going on where an earlier call in the same folder was stopped.

    Parameters
    ----------
    program : From `find_dragonfly`.
    patterns : Counts; their orientations are not used.
    grid : Of the result.
    folder : For its files and its log.
    start : Intensity to start from, in the frame that the result should have [V2 Å6]; random
        without it.

    Raises
    ------
    InputError : The patterns are not counts.
    OutputError : The folder holds another run, or the disk is full.
    ProgramError : Dragonfly failed.
    """
    tell_needs(patterns, grid.box_angstrom, settings)
    claim_folder(folder, _request(patterns, grid, settings))
    if not (folder / CONFIG).is_file():
        write_folder(patterns, grid.box_angstrom, settings, folder)
        if start is not None:
            write_start(start, patterns, grid, folder)
    done = iterations_done(folder)
    left = settings.iterations - done
    if left > 0:
        command = [program, str(left), "-c", CONFIG, "-t", str(settings.threads)]
        run_external(
            DRAGONFLY,
            [*command, "-r"] if done else command,
            folder,
            folder / OUTPUT_LOG,
            "Dragonfly",
            settings.iterations,
        )
    path = _result(folder, settings.iterations)
    if not path.is_file():
        raise ProgramError(
            f"{path}: Dragonfly ended without this file; its log is {folder / OUTPUT_LOG}"
        )
    return in_our_terms(read_output(path), patterns, grid)


def iterations_done(folder: Path) -> int:
    """Count the whole iterations of an earlier run: its table names each after writing its file."""
    table = folder / LOG
    if not table.is_file():
        return 0
    *_, last = ["", *table.read_text(encoding="utf-8", errors="replace").splitlines()]
    word = last.split("\t")[0]
    done = int(word) if word.isdigit() else 0
    return done if _result(folder, done).is_file() else 0


def in_our_terms(found: EmcOutput, patterns: PatternSet, grid: Grid) -> ByDragonfly:
    """Turn Dragonfly's cube into our half transform, and counts of a pixel into intensities.

    Parameters
    ----------
    grid : Of the box whose inverse is a voxel of the cube.
    """
    unit = float(patterns.expected[list(patterns.kept)].mean())
    intensity = half_of_cube(torch.from_numpy(found.intensity.copy()), grid) / unit
    weight = half_of_cube(torch.from_numpy(found.weight.copy()), grid)
    known = weight > 0
    return ByDragonfly(
        torch.where(known, intensity, 0.0).float(),
        known,
        torch.from_numpy(matrix_from_quaternion(found.quaternions)).float(),
        torch.from_numpy(np.asarray(found.information, np.float64)),
    )


def _result(folder: Path, iteration: int) -> Path:
    return folder / RESULTS / f"output_{iteration:03d}.h5"


def _request(
    patterns: PatternSet, grid: Grid, settings: DragonflySettings
) -> dict[str, str | float | int | list[int] | dict[str, object]]:
    """Say what makes a run the same run; threads do not, and more iterations go on with it."""
    return {
        "settings": settings.model_dump(exclude={"threads", "iterations"}),
        "patterns": patterns.name,
        "kept": list(patterns.kept),
        "pixels": len(patterns.pixels.points),
        "expected": float(patterns.expected.sum()),
        "box_angstrom": grid.box_angstrom,
    }
