"""Reading between samples and adding to them: linear, adjoint, and the same for Friedel mates."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import (
    add_at,
    corners,
    half_shape,
    multiplicity,
    read_at,
    with_mates,
)

GRID = Grid(12, 6.0)


def _points(count: int = 50) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return (2 * torch.rand(count, 3, generator=generator) - 1) * 0.7


def test_reading_and_adding_are_adjoint() -> None:
    points = _points()
    at = corners(points, GRID)
    volume, values = torch.randn(half_shape(GRID)), torch.randn(len(points))
    sums = torch.zeros(volume.numel())
    add_at(sums, at, values)
    assert torch.allclose(sums @ volume.flatten(), read_at(volume, at) @ values, rtol=1e-4)


def test_a_plane_is_read_exactly() -> None:
    axis = torch.fft.fftfreq(12, 1 / 12)
    volume = 1 + axis[:, None, None] + 2 * axis[:, None] + 3 * torch.arange(7.0)
    points = _points()
    points[:, 0] = points[:, 0].abs()
    k = points * 6
    wanted = 1 + k[:, 2] + 2 * k[:, 1] + 3 * k[:, 0]
    assert torch.allclose(read_at(volume, corners(points, GRID)), wanted, atol=1e-4)


def test_opposite_points_are_the_same() -> None:
    points = _points()
    volume = with_mates(torch.rand(half_shape(GRID)))
    first, second = (read_at(volume, corners(p, GRID)) for p in (points, -points))
    assert torch.allclose(first, second, atol=1e-5)


def test_the_plane_both_halves_share_gets_what_came_to_either() -> None:
    sums = torch.zeros(half_shape(GRID))
    sums[1, 2, 0] = 1.0
    both = with_mates(sums)
    assert both[1, 2, 0] == both[-1, -2, 0] == 1
    assert both.sum() == 2


def test_beyond_the_grid_is_nothing() -> None:
    at = corners(torch.tensor([[0.0, 0.0, 5.0]]), GRID)
    assert at.weights.abs().sum() == 0


def test_multiplicity_counts_a_whole_transform() -> None:
    whole = (torch.ones(half_shape(GRID)) * multiplicity(GRID)).sum()
    assert whole == 12**3
