"""RELION on the images of a benchmark: what it was asked, what it made, what it cost."""

import subprocess
from dataclasses import replace
from pathlib import Path

import torch
from reconstruction_data import Views
from reconstruction_timing import Cost, cost_of

from diffragan.errors import ProgramError
from diffragan.io.mrc import read_mrc, write_stack
from diffragan.io.star import ParticleOptics, write_particles
from diffragan.phasing.normalised import normalised
from diffragan.reconstruction.relion.commands import (
    RelionSettings,
    initial_model_command,
    reconstruct_command,
    refine_command,
)
from diffragan.reconstruction.relion.program import find_relion
from diffragan.typing import Volume

DIAMETER = 0.95
"""Of RELION's mask, as a share of the box: that of the embedded engine."""


def write_views(folder: Path, views: Views) -> None:
    """Write a stack, and STAR files with (`known.star`) and without (`views.star`) poses."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = views.grid
    write_stack(folder / "views.mrcs", normalised(views.images).numpy(), grid.pixel_angstrom)
    optics = ParticleOptics(200.0, 0.0, 0.1, grid.pixel_angstrom, grid.pixels)
    write_particles(folder / "views.star", "views.mrcs", optics, len(views.images))
    write_particles(
        folder / "known.star",
        "views.mrcs",
        optics,
        len(views.images),
        rotations=views.rotations.numpy(),
        origins_angstrom=-views.shifts_angstrom.numpy(),
    )


def settings_for(views: Views, seed: int) -> RelionSettings:
    """Say what RELION is asked for; the rest is as its interface proposes."""
    settings = RelionSettings(diameter_angstrom=DIAMETER * views.grid.box_angstrom, seed=seed + 1)
    return replace(settings, batch=min(settings.batch, len(views.images)))


def relion_known(folder: Path, views: Views) -> tuple[Volume, Cost]:
    """Insert views at their true poses."""
    command = reconstruct_command("known.star", "known.mrc", settings_for(views, 0))
    cost = cost_of(lambda: _call(command, folder))
    return _read(folder / "known.mrc"), cost


def relion_unknown(folder: Path, views: Views, seed: int) -> tuple[Volume, Cost]:
    """Make an initial model by descent from nothing, then auto-refine with 3 ranks."""
    relion, settings = find_relion(), settings_for(views, seed)
    for part in ("initial", "refined"):
        (folder / part).mkdir(exist_ok=True)
    first = initial_model_command(relion, "views.star", "initial/run", settings)
    cost = cost_of(lambda: _call(first, folder))
    reference = sorted(folder.glob("initial/run_it*_class001.mrc"))[-1]
    name = str(reference.relative_to(folder))
    second = refine_command(relion, "views.star", name, "refined/run", settings, local=False)
    cost += cost_of(lambda: _call(second, folder))
    return _read(folder / "refined" / "run_class001.mrc"), cost


def _call(command: list[str], folder: Path) -> None:
    place = folder / f"{Path(command[0]).name}.log"
    with place.open("wb") as log:
        done = subprocess.run(
            command, cwd=folder, check=False, stdout=log, stderr=subprocess.STDOUT
        )
    if done.returncode:
        raise ProgramError(f"{command[0]} failed with code {done.returncode}; its log is {place}")


def _read(path: Path) -> Volume:
    return torch.from_numpy(read_mrc(path)[0]).float()
