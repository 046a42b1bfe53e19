"""Unequal atoms without symmetry, and their projections from the definition."""

import numpy as np
import torch

from diffragan.fourier import inverse_fourier
from diffragan.grid import Grid
from diffragan.physics.form_factors import VOLT_ANGSTROM2_PER_ANGSTROM
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor


def atoms(extent: float, count: int = 40, seed: int = 5) -> AtomicModel:
    """Random atoms, more of them on one side, within a ball of radius `extent` [Å]."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(8 * count, 3, generator=generator, dtype=torch.float64) * extent / 2
    points = points[points.norm(dim=1) < extent][:count]
    points[: count // 4] = points[: count // 4].abs() * 0.7
    numbers = torch.tensor([6, 7, 8, 16])[torch.randint(4, (len(points),), generator=generator)]
    return AtomicModel(points - points.mean(0), numbers)


def gaussian_factor(atomic_number: int, frequency: Tensor) -> Tensor:
    """A stand-in for a form factor: its density has no sharp peak."""
    return atomic_number * torch.exp(-4 * frequency**2)


def orientations(count: int, seed: int = 7) -> Tensor:
    generator = np.random.default_rng(seed)
    quaternions = np.stack([uniform_quaternion(generator) for _ in range(count)])
    return torch.from_numpy(matrix_from_quaternion(quaternions))


def shifts(count: int, extent: float, seed: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(count, 3, generator=generator, dtype=torch.float64) - 1) * extent


def projections(model: AtomicModel, rotations: Tensor, moves: Tensor, grid: Grid) -> Tensor:
    """Sum of f(q) exp(-2 pi i q.(R p + shift)) at each frequency of each image [V Å]."""
    axis = grid.axis_frequencies(dtype=torch.float64)
    frequency = torch.sqrt(axis[:, None] ** 2 + axis**2)
    places = torch.einsum("vij,aj->vai", rotations, model.positions) + moves[:, None]

    def phases(coordinate: Tensor) -> Tensor:
        angle = -2 * torch.pi * coordinate[..., None] * axis
        return torch.polar(torch.ones_like(angle), angle)

    total = torch.zeros(len(rotations), grid.pixels, grid.pixels, dtype=torch.complex128)
    for number in torch.unique(model.atomic_numbers).tolist():
        one = model.atomic_numbers == number
        sums = phases(places[:, one, 1]).mT @ phases(places[:, one, 0])
        total += gaussian_factor(number, frequency) * sums
    return VOLT_ANGSTROM2_PER_ANGSTROM * inverse_fourier(total).real / grid.pixel_angstrom**2
