"""Supports have the volume asked for and grow by the distance asked for."""

import pytest
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.supports import densest, widened

GRID = Grid(24, 24.0)


def _distance() -> torch.Tensor:
    axis = torch.fft.fftfreq(24, 1 / 24)
    return torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)


def test_a_ball_is_found_by_its_volume() -> None:
    ball = (_distance() <= 6).float()
    found = densest(ball, float(ball.sum()), 1.0, GRID)
    assert found.sum() == pytest.approx(float(ball.sum()), abs=30)
    assert (found & (ball > 0)).sum() > 0.93 * ball.sum()


def test_widening_reaches_just_so_far() -> None:
    point = _distance() == 0
    assert torch.equal(widened(point, 4.0, GRID), _distance() <= 4)
    assert torch.equal(widened(point, 0.0, GRID), point)


def test_a_molecule_larger_than_its_box() -> None:
    with pytest.raises(InputError, match="does not fit"):
        densest(torch.rand(24, 24, 24), 24.0**3, 1.0, GRID)
