"""Atoms in motion against the factor written out for each atom."""

import pytest
import torch

from diffragan.grid import Grid
from diffragan.reconstruction.thermal_motion import damped_parts
from diffragan.reconstruction.truth import true_potential_map
from diffragan.structures.atomic_model import AtomicModel


@pytest.mark.parametrize("spread", [0.0, 20.0, 150.0])
def test_few_transforms_give_every_atoms_own_damping(spread: float) -> None:
    b_factors = 12 + spread * torch.linspace(0, 1, 50, dtype=torch.float64)
    square = torch.linspace(0, 0.6, 40, dtype=torch.float64)
    found = sum(d[:, None] * s for d, s in damped_parts(b_factors, square))
    torch.testing.assert_close(
        found, torch.exp(-square[:, None] * b_factors / 4), atol=1e-5, rtol=0
    )


def test_a_map_in_motion_is_the_sum_of_its_atoms_maps() -> None:
    grid = Grid(24, 30.0)
    places = torch.tensor([[1.0, 2, 3], [-4, 0, 2], [0, -5, -1]], dtype=torch.float64)
    numbers, b_factors = torch.tensor([6, 8, 6]), torch.tensor([10.0, 40.0, 90.0])
    found = true_potential_map(AtomicModel(places, numbers, b_factors), grid, in_motion=True)
    each = [
        true_potential_map(AtomicModel(places[n, None], numbers[n, None]), grid).double()
        for n in range(3)
    ]
    axis = grid.axis_frequencies(dtype=torch.float64)
    square = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2
    blurred = [
        torch.fft.ifftn(torch.fft.fftn(one) * torch.exp(-b * square / 4)).real
        for one, b in zip(each, b_factors, strict=True)
    ]
    torch.testing.assert_close(found.double(), sum(blurred), atol=1e-4, rtol=1e-4)
    still = true_potential_map(AtomicModel(places, numbers, b_factors), grid)
    torch.testing.assert_close(still.double(), sum(each), atol=1e-4, rtol=1e-4)
