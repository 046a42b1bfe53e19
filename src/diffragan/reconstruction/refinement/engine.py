"""From images with unknown poses to a map: the stages of a run, one after another."""

from collections.abc import Callable
from dataclasses import replace

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.map_equations import image_equations, solve_map, sphere
from diffragan.reconstruction.refinement.half_maps import THRESHOLD
from diffragan.reconstruction.refinement.halves import random_halves
from diffragan.reconstruction.refinement.initial_stage import initial_state, initial_step
from diffragan.reconstruction.refinement.problem import Problem, make_problem
from diffragan.reconstruction.refinement.refine_stage import (
    refine_state,
    refine_state_from_poses,
    refine_step,
)
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.state import DONE, INITIAL, Poses, Refined, State
from diffragan.rings import resolution_at
from diffragan.threads import one_thread
from diffragan.typing import Bool, Float, Int, Tensor, Volume


def refine(
    images: Float[Tensor, "n y x"],
    grid: Grid,
    settings: RefinementSettings | None = None,
    *,
    poses: Poses | None = None,
    half_sets: Int[Tensor, " n"] | None = None,
    state: State | None = None,
    watch: Callable[[State], None] | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> Refined:
    """Reconstruct images whose poses are unknown, or known roughly.

    Projections cannot tell a molecule from its mirror image: the hand of the map is undecided.

    Parameters
    ----------
    images : `(n, y, x)` projected potential [V Å], origin at pixel n // 2, even box, no CTF, white
        noise, mean zero outside the molecule.
    grid : Of the images.
    settings : The defaults when left out.
    poses : To start from, by local searches only; a first map is made from nothing when left out.
    half_sets : 0 or 1 for each image; drawn by the seed when left out.
    state : Of a run of the same images, settings and poses that was stopped: goes on from there
        and ends with the same bytes.
    watch : Called with the state after every iteration.
    threads : Any number gives the same bytes.
    device : Where images are compared with maps.

    Raises
    ------
    InputError : The images cannot make a map.
    ConfigError : The symmetry is unknown.
    """
    settings = settings or RefinementSettings()
    shifts = None if poses is None else poses.shifts_angstrom
    if poses is not None and len(poses.rotations) != len(images):
        raise InputError(f"{len(images)} images came with {len(poses.rotations)} poses")
    if half_sets is not None and len(half_sets) != len(images):
        raise InputError(f"{len(images)} images came with {len(half_sets)} half sets")
    with one_thread():
        problem = make_problem(images, grid, settings, shifts, device)
        halves = random_halves(len(images), settings.seed) if half_sets is None else half_sets
        if state is None:
            state = (
                initial_state()
                if poses is None
                else refine_state_from_poses(problem, poses.rotations, halves)
            )
        while state.stage != DONE:
            state = _step(problem, settings, state, halves, threads)
            if watch is not None:
                watch(state)
        return _result(problem, state)


def _step(
    problem: Problem,
    settings: RefinementSettings,
    state: State,
    halves: Int[Tensor, " n"],
    threads: int,
) -> State:
    if state.stage == INITIAL:
        state = initial_step(problem, settings, state)
        if state.iteration == settings.starts * settings.start_iterations:
            following = refine_state(problem, settings, state.tensors["best_volume"], halves)
            return replace(following, history=state.history)
        return state
    return refine_step(problem, settings, state, threads)


def _result(problem: Problem, state: State) -> Refined:
    """Make the maps of the final poses, of the halves and of all images, to the end of the data."""
    halves = state.tensors["half_sets"]
    rotations, shifts = state.tensors["rotations"], state.tensors["shifts"]
    half1, half2 = (_final_map(problem, state, halves == h) for h in (0, 1))
    full = _final_map(problem, state, torch.ones_like(halves, dtype=torch.bool))
    frequency, correlation = fourier_shell_correlation(half1, half2, problem.grid)
    return Refined(
        Poses(rotations, shifts + problem.centres),
        halves,
        full,
        half1,
        half2,
        frequency,
        correlation,
        resolution_at(correlation, frequency, THRESHOLD),
        state.history,
        state,
    )


def _final_map(problem: Problem, state: State, mine: Bool[Tensor, " n"]) -> Volume:
    pixels = problem.grid.pixels
    equations = image_equations(
        problem.data[mine],
        state.tensors["rotations"][mine],
        state.tensors["shifts"][mine],
        problem.band,
        problem.turns,
        pixels,
        problem.grid.box_angstrom,
    )
    support = sphere(pixels, problem.grid.box_angstrom, problem.diameter)
    return solve_map(equations, None, support) * problem.scale
