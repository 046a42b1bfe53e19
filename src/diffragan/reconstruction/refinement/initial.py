"""A first map from nothing: stepwise expectation maximisation over all orientations and shifts.

Each iteration takes a batch of images, weighs every orientation and shift of a coarse grid by its
posterior probability, and lets the batch's sums replace part of the running sums. The noise of each
shell is what the running map leaves unexplained. It is large at first, which keeps the posterior
broad until the map deserves trust.

Source: Cappe and Moulines, J. R. Stat. Soc. B 71 (2009) 593 (the running sums); Punjani et al.,
Nat. Methods 14 (2017) 290 (batches from a random start); Scheres, J. Mol. Biol. 415 (2012) 406.
"""

from dataclasses import dataclass

import numpy as np
import torch

from diffragan.reconstruction.band import Band, slice_points
from diffragan.reconstruction.map_equations import (
    Equations,
    image_equations,
    normal_equations,
    solve_map,
)
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.orientations import random_orientation
from diffragan.reconstruction.refinement.global_search import (
    as_rows,
    log_likelihoods,
    moved_images,
    reference_slices,
    shift_grid,
)
from diffragan.reconstruction.refinement.shells import (
    noise_floor,
    power,
    sample_weights,
    shell_means,
)
from diffragan.rings import ring_sum
from diffragan.typing import Complex, Float, Tensor, Volume

FORGETTING = 0.7
"""Exponent with which the share of a batch falls; between 1/2 and 1 the running sums converge."""
SHIFTS_PER_PERIOD = 5
"""Steps of the shift grid in the finest period in use."""
NEGLIGIBLE = 1e-3
"""Weight of an orientation, in images, below which its slice is left out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change between the iterations of a start."""

    data: Complex[Tensor, "n sample"]
    band: Band
    box_angstrom: float
    pixels: int
    support: Volume
    turns: Float[Tensor, "turn 3 3"]
    signal: Float[Tensor, " shell"]
    """Expected power of the map, from the images' power above the noise."""
    orientations: Float[Tensor, "orientation 3 3"]
    shift_reach: float
    coarsest_shell: int
    iterations: int
    batch: int


@dataclass(frozen=True, slots=True)
class Start:
    """The running state of one start."""

    equations: Equations
    noise: Float[Tensor, " shell"]
    volume: Volume


def expected_signal(total: Float[Tensor, " shell"]) -> Float[Tensor, " shell"]:
    """Power of the map's coefficients: that of the images less the white noise."""
    floor = noise_floor(total)
    return (total - floor).clamp(min=0.02 * floor)


def first_start(plan: Plan, generator: np.random.Generator) -> Start:
    """Begin with a batch of images in random orientations."""
    images = generator.choice(len(plan.data), min(plan.batch, len(plan.data)), replace=False)
    data = plan.data[torch.from_numpy(images)]
    rotations = torch.stack([random_orientation(generator) for _ in images])
    noise = shell_means(power(plan.data), plan.band)
    still = torch.zeros(len(data), 2, dtype=torch.float64)
    equations = image_equations(
        data, rotations, still, plan.band, plan.turns, plan.pixels, plan.box_angstrom
    )
    return Start(equations, noise, solve_map(equations, noise / plan.signal, plan.support))


def advance(plan: Plan, start: Start, iteration: int, generator: np.random.Generator) -> Start:
    """Let one more batch change the running sums."""
    count = len(plan.data)
    batch = min(plan.batch, count)
    chosen = torch.from_numpy(generator.choice(count, batch, replace=False))
    progress = iteration / max(1, plan.iterations - 1)
    finest = int(plan.band.shells[-1])
    shell = round(plan.coarsest_shell + min(1.0, 1.25 * progress) * (finest - plan.coarsest_shell))
    band = plan.band.within(shell)
    found, noise = expect(plan, start, plan.data[chosen, : len(band)], band, generator)
    share = max((iteration + 2) ** -FORGETTING, 0.5 * batch / count)
    equations = start.equations.averaged(found, share)
    mixed = start.noise.clone()
    mixed[: len(noise)] = torch.lerp(mixed[: len(noise)], noise, share)
    return Start(equations, mixed, solve_map(equations, mixed / plan.signal, plan.support))


def expect(
    plan: Plan,
    start: Start,
    data: Complex[Tensor, "n sample"],
    band: Band,
    generator: np.random.Generator,
) -> tuple[Equations, Float[Tensor, " shell"]]:
    """Weigh all poses of a batch; return its equations and the noise it leaves."""
    weights = sample_weights(start.noise, band)
    orientations = plan.orientations @ random_orientation(generator)
    table = make_table(start.volume.to(data.device), int(band.shells[-1]))
    references = reference_slices(table, orientations, band)
    # Never coarser than the reach: images moved by a whole step at random would blur the map.
    step = min(plan.box_angstrom / int(band.shells[-1]) / SHIFTS_PER_PERIOD, plan.shift_reach)
    shifts = shift_grid(plan.shift_reach, step)
    moved = moved_images(data, shifts, band, plan.box_angstrom)
    scores = log_likelihoods(moved, references, weights)
    posterior = torch.softmax(scores.flatten(1), 1).view_as(scores)
    total = posterior.sum((0, 1))
    sums = posterior.flatten(0, 1).T @ as_rows(moved.flatten(0, 1))
    used = total > NEGLIGIBLE
    values = torch.complex(sums[used, : len(band)], sums[used, len(band) :])
    equations = normal_equations(
        slice_points(orientations[used.cpu()], band),
        values * band.shares,
        total[used, None] * band.shares,
        plan.turns,
        plan.pixels,
    )
    kept = references[used]
    explained = total[used, None] * power(kept) - 2 * (values.conj() * kept).real
    left = power(data).double().mean(0) + explained.double().sum(0) / len(data)
    means = ring_sum(left * band.shares, band.shells, int(band.shells[-1]) + 1)
    noise = means / ring_sum(band.shares, band.shells, len(means))
    return equations, noise.cpu()
