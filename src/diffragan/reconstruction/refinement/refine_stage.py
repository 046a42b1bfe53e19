"""The second stage of a run: two half sets refined apart, until nothing changes.

Each iteration finds every image's most likely pose for its half's map, makes both maps anew, and
takes from their correlation how far the next one may trust which shell.

Source: Scheres and Chen, Nat. Methods 9 (2012) 853 (halves apart).
"""

import math

import numpy as np
import torch

from diffragan.reconstruction.map_equations import map_pixels
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.orientations import (
    angle_between,
    orientation_grid,
    random_orientation,
)
from diffragan.reconstruction.refinement.half_maps import make_halves
from diffragan.reconstruction.refinement.halves import free_axis
from diffragan.reconstruction.refinement.pose_search import Search, climb_all, search_all
from diffragan.reconstruction.refinement.problem import Problem
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.shells import sample_weights
from diffragan.reconstruction.refinement.state import DONE, REFINE, Poses, Row, State
from diffragan.reconstruction.resize import resized
from diffragan.typing import Float, Int, Tensor, Volume

MARGIN = 3
"""Shells beyond the resolution that the next iteration looks at."""
STILL_DEGREES = 0.5
"""Median turn of the images in an iteration below which they have settled."""
PATIENCE = 2
"""Iterations without finer resolution before the end."""
FREE = 0.5
"""Of the projection onto a symmetry's free directions, which is 1 along them and 0 otherwise."""
_TURNING = 4


def refine_state(
    problem: Problem, settings: RefinementSettings, volume: Volume, halves: Int[Tensor, " n"]
) -> State:
    """Begin from a first map: both halves get it, but only its coarse shells."""
    count = len(problem.data)
    shell = problem.shell_of(settings.handover_angstrom)
    pixels = map_pixels(shell, problem.grid.pixels)
    coarse = resized(volume, pixels, shell)
    return State(
        REFINE,
        0,
        {
            "half_sets": halves,
            "rotations": torch.eye(3, dtype=torch.float64).repeat(count, 1, 1),
            "shifts": torch.zeros(count, 2, dtype=torch.float64),
            "volumes": torch.stack([coarse, coarse]),
            "noise": torch.stack([problem.total, problem.total]),
        },
        {"shell": shell, "best_shell": 0, "waited": 0, "searches": settings.global_iterations},
    )


def refine_state_from_poses(
    problem: Problem, rotations: Float[Tensor, "n 3 3"], halves: Int[Tensor, " n"]
) -> State:
    """Begin from known orientations; the shifts are those that the images were moved by."""
    still = torch.zeros(len(rotations), 2, dtype=torch.float64)
    poses = Poses(rotations.double(), still)
    made = make_halves(problem, poses, halves, problem.last_shell, align=False)
    return State(
        REFINE,
        0,
        {
            "half_sets": halves,
            "rotations": poses.rotations,
            "shifts": still,
            "volumes": made.volumes,
            "noise": made.noise,
        },
        {"shell": _next_shell(problem, made.shell), "best_shell": 0, "waited": 0, "searches": 0},
    )


def refine_step(
    problem: Problem, settings: RefinementSettings, state: State, threads: int
) -> State:
    """One iteration of both halves."""
    halves = state.tensors["half_sets"]
    shell = int(state.numbers["shell"])
    before = Poses(state.tensors["rotations"], state.tensors["shifts"])
    searching = state.iteration < state.numbers["searches"]
    poses, cost = _expect(problem, settings, state, before, searching, threads)
    reach = min(shell + MARGIN, problem.last_shell)
    # The frame of a map of symmetry Dn cannot move.
    loose = bool(free_axis(problem.turns).abs().max() > FREE)
    made = make_halves(problem, poses, halves, reach, align=loose)
    turned = angle_between(made.poses.rotations, before.rotations).median()
    moved = (made.poses.shifts_angstrom - before.shifts_angstrom).norm(dim=1).median()
    finer = made.shell > state.numbers["best_shell"]
    waited = 0 if finer or searching else state.numbers["waited"] + 1
    settled = waited >= PATIENCE and math.degrees(turned) < STILL_DEGREES
    done = settled or state.iteration + 1 >= settings.max_iterations
    row: Row = {
        "stage": REFINE,
        "iteration": state.iteration,
        "search": "global" if searching else "local",
        "resolution_angstrom": problem.resolution(max(made.shell, 1)),
        "compared_to_angstrom": problem.resolution(shell),
        "misfit": cost,
        "turned_degrees": math.degrees(turned),
        "moved_angstrom": float(moved),
    }
    return State(
        DONE if done else REFINE,
        state.iteration + 1,
        {
            "half_sets": halves,
            "rotations": made.poses.rotations,
            "shifts": made.poses.shifts_angstrom,
            "volumes": made.volumes,
            "noise": made.noise,
        },
        {
            "shell": _next_shell(problem, made.shell),
            "best_shell": max(made.shell, state.numbers["best_shell"]),
            "waited": waited,
            "searches": state.numbers["searches"],
        },
        (*state.history, row),
    )


def _next_shell(problem: Problem, shell: int) -> int:
    return min(max(shell, 2) + MARGIN, problem.last_shell)


def _expect(
    problem: Problem,
    settings: RefinementSettings,
    state: State,
    before: Poses,
    searching: bool,
    threads: int,
) -> tuple[Poses, float]:
    """Poses of all images, each by its own half's map, and their mean misfit."""
    rotations, shifts = before.rotations.clone(), before.shifts_angstrom.clone()
    total = 0.0
    shell = int(state.numbers["shell"])
    band = problem.band.within(shell)
    step = math.radians(settings.search_step_degrees)
    # Both halves search the same grid, turned anew each time so that no orientation is favoured.
    generator = np.random.default_rng([settings.seed, _TURNING, state.iteration])
    orientations = orientation_grid(settings.search_step_degrees) @ random_orientation(generator)
    for half in (0, 1):
        mine = state.tensors["half_sets"] == half
        search = Search(
            make_table(state.tensors["volumes"][half].to(problem.device), shell),
            band,
            sample_weights(state.tensors["noise"][half], band),
            problem.grid.box_angstrom,
            problem.reach,
            settings.climb_steps,
            threads,
        )
        data = problem.data[mine]
        if searching:
            coarse = min(shell, problem.shell_of(settings.search_finest_angstrom))
            found, cost = search_all(search, data, orientations, step, coarse, settings.candidates)
        else:
            found, cost = climb_all(
                search, data, Poses(before.rotations[mine], before.shifts_angstrom[mine])
            )
        rotations[mine], shifts[mine] = found.rotations, found.shifts_angstrom
        total += float(cost.sum())
    return Poses(rotations, shifts), total / len(rotations)
