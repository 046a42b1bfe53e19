"""How wrong the orientations of a run may be, without the truth.

Images are made of one half's map at the poses that were found, in noise as strong as the run met,
and their poses are found again by the map of the other half, so that errors of the maps count. How
far those lie from the ones they were made with is how far the found ones lie from the truth, if
the maps are nearly right. Images that take a wrong orientation count.

Source: Efron, Ann. Stat. 7 (1979) 1 (the parametric bootstrap).
"""

import math

import numpy as np
import torch

from diffragan.reconstruction.band import ramp, slice_points
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.orientations import (
    angle_between,
    orientation_grid,
    random_orientation,
)
from diffragan.reconstruction.refinement.pose_search import Search, climb_all, search_all
from diffragan.reconstruction.refinement.problem import Problem
from diffragan.reconstruction.refinement.settings import RefinementSettings
from diffragan.reconstruction.refinement.shells import sample_weights
from diffragan.reconstruction.refinement.state import Poses, State
from diffragan.typing import Complex, Float, Int, Tensor

_SIMULATING = 5


def simulated_errors(
    problem: Problem,
    settings: RefinementSettings,
    state: State,
    most: int,
    threads: int = 1,
) -> Float[Tensor, " n"]:
    """Angle between the poses of made-up images and those found for them [rad].

    Parameters
    ----------
    problem, settings : Of the run.
    state : Its last.
    most : Images to make, evenly from both halves; fewer where the run had fewer.
    threads : Any number gives the same bytes.
    """
    generator = np.random.default_rng([settings.seed, _SIMULATING])
    shell = int(state.numbers["shell"])
    errors = []
    for half in (0, 1):
        mine = torch.nonzero(state.tensors["half_sets"] == half).flatten()
        mine = mine[:: max(1, 2 * len(mine) // most)]
        errors.append(_errors(problem, settings, state, half, mine, shell, generator, threads))
    return torch.cat(errors)


def _errors(
    problem: Problem,
    settings: RefinementSettings,
    state: State,
    half: int,
    images: Int[Tensor, " n"],
    shell: int,
    generator: np.random.Generator,
    threads: int,
) -> Float[Tensor, " n"]:
    band = problem.band.within(shell)
    noise = state.tensors["noise"][half]
    own, other = (
        make_table(state.tensors["volumes"][which].to(problem.device), shell)
        for which in (half, 1 - half)
    )
    search = Search(
        other,
        band,
        sample_weights(noise, band),
        problem.grid.box_angstrom,
        problem.reach,
        settings.climb_steps,
        threads,
    )
    rotations = state.tensors["rotations"][images]
    shifts = state.tensors["shifts"][images]
    slices = own.sample(slice_points(rotations.float(), band))
    back = ramp(shifts, band, problem.grid.box_angstrom).conj()
    drawn = _white(len(images), len(band), generator).to(slices)
    data = slices * back + drawn * noise.to(band.shares.device)[band.shells].sqrt().float()
    step = math.radians(settings.search_step_degrees)
    orientations = orientation_grid(settings.search_step_degrees) @ random_orientation(generator)
    coarse = min(shell, problem.shell_of(settings.search_finest_angstrom))
    found, _ = search_all(search, data, orientations, step, coarse, settings.candidates)
    found, _ = climb_all(search, data, Poses(found.rotations, found.shifts_angstrom))
    return angle_between(found.rotations, rotations)


def _white(
    images: int, samples: int, generator: np.random.Generator
) -> Complex[Tensor, "n sample"]:
    """Complex numbers of mean square 1."""
    parts = torch.from_numpy(generator.normal(0, 0.5**0.5, (2, images, samples)))
    return torch.complex(parts[0].float(), parts[1].float())
