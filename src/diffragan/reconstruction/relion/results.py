"""What RELION wrote: iterations to go on from, maps, poses and half sets."""

import re
from dataclasses import dataclass
from pathlib import Path

import torch

from diffragan.errors import ProgramError
from diffragan.io.mrc import read_mrc
from diffragan.io.star import HALF, read_particles
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.refinement.state import Poses
from diffragan.typing import Int, Tensor, Volume

ROOT = "run"
_ITERATION = re.compile(r"run_it(\d+)_optimiser\.star")

PARTS = ("data.star", "sampling.star")


def last_iteration(folder: Path) -> tuple[int, Path] | None:
    """Find the last whole iteration in a folder: its number and its optimiser file."""
    found = sorted(
        (int(match[1]), path)
        for path in folder.glob(f"{ROOT}_it*_optimiser.star")
        if (match := _ITERATION.fullmatch(path.name))
    )
    for number, path in reversed(found):
        stem = path.name.removesuffix("optimiser.star")
        parts = [folder / (stem + part) for part in PARTS]
        models = list(folder.glob(f"{stem}*model.star"))
        if number and models and all(p.is_file() and p.stat().st_size for p in [*parts, *models]):
            return number, path
    return None


def initial_map(folder: Path, iterations: int) -> Path | None:
    """Find the map of the last iteration of an initial model, once it is made."""
    last = last_iteration(folder)
    if last is None or last[0] < iterations:
        return None
    path = folder / last[1].name.replace("optimiser.star", "class001.mrc")
    return path if path.is_file() else None


def is_refined(folder: Path) -> bool:
    """Whether a refinement has converged."""
    return all(
        (folder / f"{ROOT}_{name}").is_file()
        for name in ("class001.mrc", "half1_class001_unfil.mrc", "data.star")
    )


@dataclass(frozen=True, slots=True)
class RefinedFiles:
    """What a refinement left, converged or stopped at its last iteration."""

    half1: Path
    half2: Path
    particles: Path
    converged: bool


def refined_files(folder: Path) -> RefinedFiles:
    """Find the unfiltered half maps of a converged refinement, or the last ones of another.

    Raises
    ------
    ProgramError : There are none.
    """
    if is_refined(folder):
        halves = [folder / f"{ROOT}_half{n}_class001_unfil.mrc" for n in (1, 2)]
        return RefinedFiles(halves[0], halves[1], folder / f"{ROOT}_data.star", converged=True)
    last = last_iteration(folder)
    if last is None:
        raise ProgramError(f"{folder}: RELION ended before its first iteration; see its log")
    stem = last[1].name.removesuffix("optimiser.star")
    halves = [folder / f"{stem}half{n}_class001.mrc" for n in (1, 2)]
    return RefinedFiles(halves[0], halves[1], folder / f"{stem}data.star", converged=False)


def read_map(path: Path) -> Volume:
    """Read a map that RELION should have written."""
    if not path.is_file():
        raise ProgramError(f"{path}: RELION ended without this map; see the log beside it")
    return torch.from_numpy(read_mrc(path)[0])


def refined_maps(files: RefinedFiles, views: int) -> Maps:
    """Read the half maps of a refinement; the map of all views is their mean."""
    half1, half2 = read_map(files.half1), read_map(files.half2)
    return Maps((half1 + half2) / 2, half1, half2, views)


def refined_poses(star: Path, given: list[str]) -> tuple[Poses, Int[Tensor, " n"]]:
    """Read poses and half sets of a refinement, in the order in which the particles were given.

    Parameters
    ----------
    star : RELION's `run_data.star`.
    given : Names of the images in their order.

    Raises
    ------
    ProgramError : An image is missing.
    """
    found = read_particles(star)
    rows = {
        f"{int(index) + 1:06d}@{stack}": row
        for row, (stack, index) in enumerate(zip(found.stacks, found.indices, strict=True))
    }
    if set(given) - set(rows) or found.rotations is None or found.origins_angstrom is None:
        raise ProgramError(f"{star}: RELION left out images or poses; see the log beside it")
    order = [rows[name] for name in given]
    halves = found.extra.get(HALF, ("1",) * len(rows))
    poses = Poses(
        torch.from_numpy(found.rotations[order]), torch.from_numpy(-found.origins_angstrom[order])
    )
    return poses, torch.tensor([int(halves[row]) - 1 for row in order])
