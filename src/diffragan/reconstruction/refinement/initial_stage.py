"""The first stage of a run: several random starts one after another, of which the best stays."""

import math

import numpy as np
import torch

from diffragan.reconstruction.map_equations import Equations, map_pixels, sphere
from diffragan.reconstruction.orientations import orientation_grid
from diffragan.reconstruction.refinement.initial import Plan, Start, advance, first_start
from diffragan.reconstruction.refinement.problem import Problem
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.state import INITIAL, Row, State
from diffragan.typing import Float, Tensor

_STARTING, _ADVANCING = 1, 2


def initial_state() -> State:
    """Before anything was done."""
    return State(INITIAL, 0, {}, {})


def initial_step(problem: Problem, settings: RefinementSettings, state: State) -> State:
    """One batch of one start; the last batch of a start compares it with the best one so far."""
    plan = _plan(problem, settings)
    number, iteration = divmod(state.iteration, settings.start_iterations)
    if iteration == 0:
        begin = np.random.default_rng([settings.seed, _STARTING, number])
        start = first_start(plan, begin)
    else:
        start = _unpack(state)
    generator = np.random.default_rng([settings.seed, _ADVANCING, number, iteration])
    start = advance(plan, start, iteration, generator)
    figure = misfit(problem, start.noise)
    tensors = _pack(start) | {k: v for k, v in state.tensors.items() if k == "best_volume"}
    numbers = dict(state.numbers)
    finished = iteration == settings.start_iterations - 1
    if finished and figure < numbers.get("best_misfit", math.inf):
        # A copy: tensors that share memory cannot be kept together.
        tensors["best_volume"], numbers["best_misfit"] = start.volume.clone(), figure
    row: Row = {"stage": INITIAL, "start": number, "iteration": iteration, "misfit": figure}
    return State(INITIAL, state.iteration + 1, tensors, numbers, (*state.history, row))


def misfit(problem: Problem, noise: Float[Tensor, " shell"]) -> float:
    """Minus an image's log-likelihood, but for constants: the lower, the better the map."""
    count = torch.bincount(problem.band.shells.cpu(), minlength=len(problem.total)).double()
    ratio = (noise / problem.total[: len(noise)]).clamp(min=1e-6)
    return float((count[: len(noise)] * torch.log(ratio)).sum())


def _plan(problem: Problem, settings: RefinementSettings) -> Plan:
    coarsest, finest = (
        problem.shell_of(a)
        for a in (settings.start_coarsest_angstrom, settings.start_finest_angstrom)
    )
    band = problem.band.within(finest)
    pixels = map_pixels(finest, problem.grid.pixels)
    box = problem.grid.box_angstrom
    return Plan(
        problem.data[:, : len(band)],
        band,
        box,
        pixels,
        sphere(pixels, box, problem.diameter),
        problem.turns,
        problem.signal[: finest + 1],
        orientation_grid(settings.start_step_degrees),
        problem.reach,
        min(coarsest, finest),
        settings.start_iterations,
        settings.start_batch,
    )


def _pack(start: Start) -> dict[str, Tensor]:
    return {
        "right_side": start.equations.right_side,
        "spectrum": start.equations.spectrum,
        "mean_weight": start.equations.mean_weight,
        "noise": start.noise,
        "volume": start.volume,
    }


def _unpack(state: State) -> Start:
    t = state.tensors
    return Start(
        Equations(t["right_side"], t["spectrum"], t["mean_weight"]), t["noise"], t["volume"]
    )
