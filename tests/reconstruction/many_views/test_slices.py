"""Slices read by PyTorch's kernel, and likelihoods from some of their pixels."""

import pytest
import torch
from made_up_patterns import LIMIT, grid, patterns, truth

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import corners, half_shape, read_at
from diffragan.reconstruction.many_views.likelihood import (
    log_likelihood,
    log_likelihood_of_counts,
)
from diffragan.reconstruction.many_views.orientations import MIDDLE_PER_ANGSTROM, standing_pixels
from diffragan.reconstruction.many_views.slices import Slices
from diffragan.typing import Tensor


def test_slices_are_what_the_corners_give() -> None:
    small = Grid(20, 31.0)
    random = torch.Generator().manual_seed(1)
    intensity = torch.rand(half_shape(small), generator=random)
    points = (torch.rand(400, 3, generator=random) - 0.5) * 0.8  # some of them beyond the grid
    rotations = torch.linalg.qr(torch.randn(3, 3, 3, generator=random))[0]
    places = turned(points, rotations)
    inside = (places.abs() * small.box_angstrom < 9).all(-1)
    expected = read_at(intensity, corners(places, small)).reshape(3, 400)
    found = Slices(intensity, small).at(points, rotations)
    assert inside.any()
    assert not inside.all()
    assert torch.allclose(found[inside], expected[inside], atol=1e-4)


def _fine_pixels(box_angstrom: float) -> Tensor:
    side = int(2 * LIMIT * box_angstrom)
    axis = (torch.arange(side) - side // 2) / box_angstrom
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack([x, y, torch.zeros_like(x)], dim=-1).reshape(-1, 3)
    return points[(points.norm(dim=1) <= LIMIT) & (points.norm(dim=1) > 0.02)]


def test_some_pixels_stand_for_all() -> None:
    intensity = torch.fft.rfftn(truth()).abs() ** 2
    box = 4 * grid().box_angstrom
    points = _fine_pixels(box)
    chosen, stood_for = standing_pixels(points, box, grid().box_angstrom)
    assert stood_for.sum().item() == pytest.approx(len(points))
    seen = Slices(intensity, grid()).at(points, patterns().rotations)
    rate = 2000 * seen[0] / seen[0].sum()
    values = torch.poisson(rate, generator=torch.Generator().manual_seed(0))
    has = values > 0
    whole = log_likelihood(values, seen)
    part = log_likelihood_of_counts(values[has], seen[:, has], seen[:, chosen], stood_for)
    assert (part - whole).std() < 0.02 * whole.std()


def test_pixels_that_stand_for_all_are_a_lattice_beyond_the_middle() -> None:
    points = _fine_pixels(200.0)
    middle = int((points.norm(dim=1) <= MIDDLE_PER_ANGSTROM).sum())
    for autocorrelation, share in ((400.0, 1), (200.0, 4), (100.0, 9)):  # not 16: too few
        chosen, stood_for = standing_pixels(points, 200.0, autocorrelation)
        assert stood_for.sum().item() == pytest.approx(len(points))
        assert len(chosen) - middle == pytest.approx((len(points) - middle) / share, rel=0.1)
    few = points[::10]
    assert len(standing_pixels(few, 200.0, 100.0)[0]) == len(few)
