"""Images with known truth for the benchmarks of reconstruction: projections, shifts and noise.

A view is the sum of f(q) exp(-2 pi i q.(R p + shift)) over the atoms at each frequency, so that
nothing is interpolated and no engine is favoured by sharing its way of projecting.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffragan.fourier import inverse_fourier
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM, electron_form_factor
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import read_prepared
from diffragan.typing import Float, Tensor, Volume

GRID = Grid(64, 64 * 1.1)
SIGNAL_TO_NOISE = 0.7
"""Variance of the projections over that of the noise, both over all pixels."""
LARGEST_SHIFT_PIXELS = 4.0
B_FACTOR = 60.0
"""Isotropic displacement of all atoms [Å2]: atoms at rest would let 500 images reach Nyquist, where
no engine can be told from another."""


@dataclass(frozen=True, slots=True)
class Views:
    """Noisy projections `(n, y, x)`, how each lies, and the potential they show."""

    images: Float[Tensor, "n y x"]
    rotations: Float[Tensor, "n 3 3"]
    shifts_angstrom: Float[Tensor, "n 2"]
    truth: Volume
    grid: Grid


def make_views(
    protein: Path, count: int, seed: int, grid: Grid = GRID, snr: float = SIGNAL_TO_NOISE
) -> Views:
    """Project a prepared protein in uniform orientations, shift it, and add white noise."""
    model = read_prepared(protein, torch.float64).model
    generator = np.random.default_rng([seed, count])
    quaternions = np.stack([uniform_quaternion(generator) for _ in range(count)])
    rotations = torch.from_numpy(matrix_from_quaternion(quaternions))
    reach = LARGEST_SHIFT_PIXELS * grid.pixel_angstrom
    shifts = torch.from_numpy(generator.uniform(-reach, reach, (count, 2)))
    clean = project(model, rotations, shifts, grid)
    noise = torch.from_numpy(generator.standard_normal(clean.shape))
    noisy = clean + noise * clean.std() / snr**0.5
    truth = true_potential_map(model, grid, damped_form_factor)
    return Views(noisy.float(), rotations, shifts, truth, grid)


def damped_form_factor(number: int, frequency: Tensor) -> Tensor:
    """Electron form factor [Å] of an atom that moves: with `exp(-B q^2 / 4)`."""
    return electron_form_factor(number, frequency) * torch.exp(-B_FACTOR * frequency**2 / 4)


def project(
    model: AtomicModel,
    rotations: Float[Tensor, "n 3 3"],
    shifts: Float[Tensor, "n 2"],
    grid: Grid,
) -> Float[Tensor, "n y x"]:
    """Projected potential of atoms [V Å], by the sum over atoms at each frequency."""
    axis = grid.axis_frequencies(dtype=torch.float64)
    frequency = torch.sqrt(axis[:, None] ** 2 + axis**2)
    images = []
    for rotation, shift in zip(rotations, shifts, strict=True):
        places = model.positions @ rotation.T
        total = torch.zeros(grid.pixels, grid.pixels, dtype=torch.complex128)
        for number in torch.unique(model.atomic_numbers).tolist():
            one = model.atomic_numbers == number
            angles = [2 * torch.pi * (places[one, i] + shift[i])[:, None] * axis for i in (0, 1)]
            x, y = (torch.polar(torch.ones_like(angle), -angle) for angle in angles)
            total += damped_form_factor(number, frequency) * (y.mT @ x)
        images.append(inverse_fourier(total).real)
    return VOLT_ANGSTROM2_PER_ANGSTROM * torch.stack(images) / grid.pixel_angstrom**2
