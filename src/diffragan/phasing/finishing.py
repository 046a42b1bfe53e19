"""The end of iterations that converged: what is still wrong with them sits in the corners.

A wave that meets its support to 1e-5 has right phases nearly everywhere, and wrong ones where the
recorded square reaches furthest, whose coefficients have few measured neighbours. Steps of error
reduction undo there each time what iterations began to mend; iterations without a break, and the
mean of several that began with other phases there, mend it, the sooner if coefficients count the
more the further out they lie: iterations see energies, of which the corners have little. The true
wave breaks its support by 1e-7 of its energy. Of counted moduli no wave comes so close, and more
iterations fit their noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import numpy as np
import torch

from diffragan.fourier import fft2, ifft2
from diffragan.phasing.algorithms import Step, error_reduction
from diffragan.phasing.projections import MeasuredModuli, energy_outside, project_modulus
from diffragan.phasing.restarts import consensus
from diffragan.rings import ring_index
from diffragan.typing import Bool, Complex, Float, Tensor, Waves

CONVERGED = 2e-4
"""Energy outside the support of a wave below which finishing it helps (validation views: 1e-5 to
1e-4 noise-free, 5e-4 of 10^6 e/Å2, which finishing spoils)."""
SQUARE = 2**0.5
"""How many times further a square reaches in its corners than on its axes."""
CORNERS_STREAM = 7
"""Keeps these random numbers apart from those of restarts."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How waves are finished."""

    starts: int
    """The wave as it is, and others with random phases in the corners."""
    iterations: int
    """Without a break: of each start, and of their mean; 0 leaves waves as they are."""
    corner_gain: float
    """Factor on coefficients in the corners of the square while these iterations last, its
    logarithm growing from 0 with the square of the frequency; more than 1 sharpens the wave."""
    error_reduction_steps: int
    seed: int
    step: Step
    beta: float
    positive: bool


def finish(
    wave: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    ending: Ending,
    items: Sequence[int],
) -> Waves:
    """Reduce the error of waves, and finish those that converged.

    Of a wave, of the ends of its starts and of that of their mean the one is given that breaks its
    support least.

    Parameters
    ----------
    wave : `(item, y, x)`, origin at pixel [0, 0].
    items : Number of each item in its data set; with the seed they decide what is random.
    """
    reduced, error = _ended(wave, moduli, support, ending, 0)
    rows = torch.nonzero(error < CONVERGED).flatten()
    if not ending.iterations or not len(rows):
        return reduced
    chosen = rows.tolist()
    some, within = moduli.rows(chosen), support[rows]
    begin, numbers = reduced[rows], [items[row] for row in chosen]
    ends = [(begin, error[rows])]
    for number in range(ending.starts):
        start = _other_corners(begin, some.known, numbers, ending.seed, number)
        ends.append(_ended(start, some, within, ending, ending.iterations))
    if ending.starts > 1:
        waves, errors = zip(*ends[1:], strict=True)
        mean = consensus(waves, errors, near_best=torch.inf).waves
        ends.append(_ended(mean, some, within, ending, ending.iterations))
    least = torch.stack([error for _, error in ends]).argmin(0)
    places = torch.arange(len(rows), device=wave.device)
    return reduced.index_copy(0, rows, torch.stack([end for end, _ in ends])[least, places])


def _ended(
    wave: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    ending: Ending,
    iterations: int,
) -> tuple[Waves, Float[Tensor, " item"]]:
    """Iterate without a break, then reduce the error; return the energy outside, too."""
    if iterations and ending.corner_gain != 1:
        gain = _gain(moduli.known, ending.corner_gain)
        sharp = replace(moduli, modulus=moduli.modulus * gain)
        wave = ifft2(fft2(wave) * gain)
        for _ in range(iterations):
            wave = ending.step(wave, sharp, support, ending.positive, ending.beta)
        wave = ifft2(fft2(wave) / gain)
    else:
        for _ in range(iterations):
            wave = ending.step(wave, moduli, support, ending.positive, ending.beta)
    for _ in range(ending.error_reduction_steps):
        wave = error_reduction(wave, moduli, support, ending.positive, 1.0)
    wave = project_modulus(wave, moduli)
    return wave, energy_outside(wave, support, ending.positive)


def _gain(known: Bool[Tensor, "y x"], corner_gain: float) -> Float[Tensor, "y x"]:
    """Factor on each coefficient: 1 at the origin, and beyond the corners what it is in them."""
    frequency = torch.fft.fftfreq(len(known), device=known.device)
    square = frequency[:, None] ** 2 + frequency**2
    return torch.exp(log(corner_gain) * (square / square[known].max()).clamp(max=1))


def _other_corners(
    wave: Waves, known: Bool[Tensor, "y x"], items: Sequence[int], seed: int, number: int
) -> Waves:
    """Give the coefficients in the corners of the square random phases; none to start 0."""
    if number == 0:
        return wave
    shape = tuple(wave.shape[-2:])
    rings = ring_index(shape, wave.device)
    corners = known & (rings > rings[known].max() / SQUARE)
    drawn = [np.random.default_rng([seed, item, number, CORNERS_STREAM]) for item in items]
    turns = torch.from_numpy(np.stack([numbers.random(shape) for numbers in drawn]))
    angle = (2 * np.pi * turns).to(wave.real)
    spectrum: Complex[Tensor, "item y x"] = fft2(wave)
    turned = spectrum * torch.polar(torch.ones_like(angle), angle)
    return ifft2(torch.where(corners, turned, spectrum))
