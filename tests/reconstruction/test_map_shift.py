"""A map that lies a little off is laid on another by a shift alone."""

import torch
from phantom import atoms, gaussian_factor

from diffragan.grid import Grid
from diffragan.reconstruction.map_alignment import shift_onto
from diffragan.reconstruction.truth import true_potential_map
from diffragan.structures.atomic_model import AtomicModel

GRID = Grid(40, 48.0)
MODEL = atoms(14.0)
OFF = torch.tensor([1.3, -0.45, 0.7], dtype=torch.float64)


def test_a_shifted_noisy_map_returns() -> None:
    moved = AtomicModel(MODEL.positions + OFF, MODEL.atomic_numbers)
    fixed, moving = (true_potential_map(m, GRID, gaussian_factor) for m in (MODEL, moved))
    noise = torch.randn(moving.shape, generator=torch.Generator().manual_seed(0))
    laid = shift_onto(moving + 0.3 * moving.std() * noise, fixed, GRID)
    torch.testing.assert_close(laid.shift_angstrom, -OFF, rtol=0, atol=0.02)
    torch.testing.assert_close(laid.rotation, torch.eye(3).double())
    assert 0.7 < laid.correlation < 1


def test_a_map_in_place_stays() -> None:
    fixed = true_potential_map(MODEL, GRID, gaussian_factor)
    laid = shift_onto(fixed, fixed, GRID)
    assert float(laid.shift_angstrom.norm()) < 1e-6
    assert laid.correlation > 0.9999
