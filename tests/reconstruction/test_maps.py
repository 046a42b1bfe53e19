"""Pins of the axes in real space, streaming, halves, and what is refused."""

import pytest
import torch
from phantom import orientations, shifts

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.maps import reconstruct_halves, reconstruct_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Tensor

GRID = Grid(24, 24.0)
POINTS = torch.tensor([[4.0, 0.0, 0.0], [0.0, 3.0, 1.0], [-2.0, -1.0, 5.0]], dtype=torch.float64)
HEIGHTS = (3.0, 2.0, 1.0)
WIDTH = 1.2


def gaussian(distance_squared: Tensor, dimensions: int) -> Tensor:
    normal = (2 * torch.pi * WIDTH**2) ** (-dimensions / 2)
    return normal * torch.exp(-distance_squared / (2 * WIDTH**2))


def image(rotation: Tensor, shift: Tensor) -> Tensor:
    """Unequal Gaussians at R p + shift, projected along z in real space."""
    axis = (torch.arange(GRID.pixels) - GRID.pixels // 2).double()
    total = torch.zeros(GRID.pixels, GRID.pixels, dtype=torch.float64)
    for point, height in zip(POINTS, HEIGHTS, strict=True):
        x, y, _ = (rotation @ point + shift).tolist()
        total += height * gaussian((axis[:, None] - y) ** 2 + (axis - x) ** 2, 2)
    return total


def density() -> Tensor:
    axis = (torch.arange(GRID.pixels) - GRID.pixels // 2).double()
    total = torch.zeros((GRID.pixels,) * 3, dtype=torch.float64)
    for (x, y, z), height in zip(POINTS.tolist(), HEIGHTS, strict=True):
        square = (axis[:, None, None] - z) ** 2 + (axis[:, None] - y) ** 2 + (axis - x) ** 2
        total += height * gaussian(square, 3)
    return total.float()


def views(count: int) -> tuple[Tensor, Tensor, Tensor]:
    rotations, moves = orientations(count), shifts(count, 1.5)
    images = torch.stack([image(r, s) for r, s in zip(rotations, moves, strict=True)])
    return images, rotations, moves[:, :2]


def test_gaussians_stand_where_they_were_put() -> None:
    volume = reconstruct_map(*views(250), GRID)
    expected = density()
    difference = (volume - expected).norm() / expected.norm()
    assert difference < 0.05
    for x, y, z in POINTS[:1].int().tolist():
        peak = torch.unravel_index(volume.argmax(), volume.shape)
        assert [int(i) - 12 for i in peak] == [z, y, x]


def test_the_true_map_puts_x_last_and_the_origin_at_the_middle() -> None:
    for pixels in (24, 25):
        grid = Grid(pixels, float(pixels))
        model = AtomicModel(torch.tensor([[4.0, -3.0, 1.0]]), torch.tensor([6]))
        volume = true_potential_map(model, grid)
        peak = torch.unravel_index(volume.argmax(), volume.shape)
        assert [int(i) - pixels // 2 for i in peak] == [1, -3, 4]


def test_batches_of_any_size_give_the_same_halves() -> None:
    images, rotations, moves = views(9)
    whole = reconstruct_halves([(images, rotations, moves)], GRID)
    cuts = [slice(0, 1), slice(1, 4), slice(4, 4), slice(4, 9)]
    parts = reconstruct_halves(((images[c], rotations[c], moves[c]) for c in cuts), GRID)
    assert whole.views == parts.views == 9
    for name in ("full", "half1", "half2"):
        torch.testing.assert_close(getattr(whole, name), getattr(parts, name), atol=1e-6, rtol=0)
    even = reconstruct_map(images[::2], rotations[::2], moves[::2], GRID)
    torch.testing.assert_close(whole.half1, even)
    full = reconstruct_map(images, rotations, moves, GRID)
    torch.testing.assert_close(whole.full, full, atol=1e-6, rtol=0)


def test_the_same_views_give_the_same_bytes() -> None:
    first, second = (reconstruct_halves([views(20)], GRID) for _ in range(2))
    assert torch.equal(first.full, second.full)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_third_shift_is_along_the_beam_and_changes_nothing() -> None:
    images, rotations, moves = views(5)
    deeper = torch.cat([moves, torch.full((5, 1), 3.0)], dim=1)
    assert torch.equal(
        reconstruct_map(images, rotations, moves, GRID),
        reconstruct_map(images, rotations, deeper, GRID),
    )


def test_the_map_is_linear_in_the_images() -> None:
    images, rotations, moves = views(6)
    once = reconstruct_map(images, rotations, moves, GRID)
    torch.testing.assert_close(
        reconstruct_map(-2.5 * images, rotations, moves, GRID), -2.5 * once, atol=1e-5, rtol=1e-4
    )


def test_what_cannot_be_reconstructed_is_one_line() -> None:
    images, rotations, moves = views(4)
    with pytest.raises(InputError, match="grid of 16 pixels"):
        reconstruct_map(images, rotations, moves, Grid(16, 16.0))
    with pytest.raises(InputError, match="4 images came with orientations"):
        reconstruct_halves([(images, rotations[:3], moves)], GRID)
    with pytest.raises(InputError, match="no views"):
        reconstruct_map(images[:0], rotations[:0], moves[:0], GRID)
    with pytest.raises(InputError, match="two views or more, and 1"):
        reconstruct_halves([(images[:1], rotations[:1], moves[:1])], GRID)
    images[2, 5, 5] = torch.nan
    batches = [(images[c], rotations[c], moves[c]) for c in (slice(0, 1), slice(1, 4))]
    with pytest.raises(InputError, match="view 2: its image"):
        reconstruct_halves(batches, GRID)
