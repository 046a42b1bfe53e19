"""Both half maps at given poses, and how far they agree: the M-step of the refinement."""

from dataclasses import dataclass

import torch

from diffragan.reconstruction.band import ramp, slice_points
from diffragan.reconstruction.map_equations import (
    Equations,
    image_equations,
    map_pixels,
    solve_map,
    sphere,
)
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.refinement.halves import change_frame, frame_between
from diffragan.reconstruction.refinement.problem import Problem
from diffragan.reconstruction.refinement.shells import (
    last_shell_above,
    map_correlation,
    power,
    restraint_from_halves,
    shell_means,
)
from diffragan.reconstruction.refinement.state import Poses
from diffragan.typing import Float, Tensor, Volume

THRESHOLD = 0.143
"""Of the correlation of half maps (Rosenthal and Henderson, J. Mol. Biol. 333 (2003) 721)."""
FRAME_SHELL = 10
"""Last shell by which the halves' frames are held together."""


@dataclass(frozen=True, slots=True)
class HalfMaps:
    """Both half maps of one iteration."""

    poses: Poses
    """In one frame for both halves."""
    volumes: Float[Tensor, "half z y x"]
    noise: Float[Tensor, "half shell"]
    shell: int
    """Last shell before the halves part."""


def make_halves(
    problem: Problem, poses: Poses, halves: Tensor, last_shell: int, *, align: bool
) -> HalfMaps:
    """Both maps, their noise, and how far they agree."""
    pixels = map_pixels(last_shell, problem.grid.pixels)
    support = sphere(pixels, problem.grid.box_angstrom, problem.diameter)
    equations = [_equations(problem, poses, halves == h, last_shell, pixels) for h in (0, 1)]
    raw = [solve_map(e, None, support) for e in equations]
    if align:
        grid = problem.grid.with_pixels(pixels)
        mine = halves == 1
        shell = min(FRAME_SHELL, last_shell)
        frame = frame_between(raw[1], raw[0], grid, shell, problem.turns)
        moved = change_frame(Poses(poses.rotations[mine], poses.shifts_angstrom[mine]), *frame)
        rotations, shifts = poses.rotations.clone(), poses.shifts_angstrom.clone()
        rotations[mine], shifts[mine] = moved.rotations, moved.shifts_angstrom
        poses = Poses(rotations, shifts)
        equations[1] = _equations(problem, poses, mine, last_shell, pixels)
        raw[1] = solve_map(equations[1], None, support)
    correlation = map_correlation(raw[0], raw[1])[: last_shell + 1]
    weight = (equations[0].mean_weight + equations[1].mean_weight) / 2
    restraint = restraint_from_halves(correlation, weight)
    volumes = [solve_map(e, restraint, support) for e in equations]
    noise = [_noise(problem, poses, halves == h, volumes[h], last_shell) for h in (0, 1)]
    shell = last_shell_above(correlation, THRESHOLD)
    return HalfMaps(poses, torch.stack(volumes), torch.stack(noise), shell)


def _equations(
    problem: Problem, poses: Poses, mine: Tensor, last_shell: int, pixels: int
) -> Equations:
    band = problem.band.within(last_shell)
    return image_equations(
        problem.data[mine, : len(band)],
        poses.rotations[mine],
        poses.shifts_angstrom[mine],
        band,
        problem.turns,
        pixels,
        problem.grid.box_angstrom,
    )


def _noise(
    problem: Problem, poses: Poses, mine: Tensor, volume: Volume, last_shell: int
) -> Float[Tensor, " shell"]:
    """Power of what a half's map leaves unexplained; that of the images where it says nothing."""
    band = problem.band.within(last_shell)
    table = make_table(volume.to(problem.device), last_shell)
    slices = table.sample(slice_points(poses.rotations[mine].float(), band))
    phases = ramp(poses.shifts_angstrom[mine], band, problem.grid.box_angstrom)
    left = shell_means(power(problem.data[mine, : len(band)] * phases - slices), band)
    noise = problem.total.clone()
    noise[: last_shell + 1] = left
    return noise
