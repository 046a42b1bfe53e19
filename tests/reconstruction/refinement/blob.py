"""A small molecule without symmetry and its projections, quick enough to reconstruct in a test."""

import torch

from diffragan.fourier import inverse_fourier
from diffragan.grid import Grid
from diffragan.reconstruction.orientations import turn
from diffragan.typing import Float, Tensor, Volume

GRID = Grid(20, 40.0)
WIDTH = 2.5
"""Of each Gaussian [Å]."""
POINTS = torch.tensor(
    [[8, 0, 0], [-6, 5, 1], [0, -7, 3], [2, 3, -8], [-4, -4, -4], [5, 6, 4.0], [-9, 1, 5]],
    dtype=torch.float64,
)
POINTS -= POINTS.mean(0)
HEIGHTS = torch.tensor([9.0, 7, 6, 8, 5, 6, 7], dtype=torch.float64)


def random_rotations(count: int, seed: int) -> Float[Tensor, "n 3 3"]:
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    q = q / q.norm(dim=1, keepdim=True)
    angle = 2 * torch.atan2(q[:, 1:].norm(dim=1), q[:, 0])
    axis = q[:, 1:] / q[:, 1:].norm(dim=1, keepdim=True)
    return turn(axis * angle[:, None])


def random_shifts(count: int, seed: int, extent: float = 3.0) -> Float[Tensor, "n 2"]:
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 1) * extent


def project(
    rotations: Tensor, shifts: Tensor, points: Tensor = POINTS, heights: Tensor = HEIGHTS
) -> Float[Tensor, "n y x"]:
    """Gaussians at R p + shift from their transforms, one term at a time."""
    axis = GRID.axis_frequencies(dtype=torch.float64)
    envelope = torch.exp(-2 * (torch.pi * WIDTH) ** 2 * (axis[:, None] ** 2 + axis**2))
    total = torch.zeros(len(rotations), GRID.pixels, GRID.pixels, dtype=torch.complex128)
    for point, height in zip(points, heights, strict=True):
        place = rotations @ point
        x, y = place[:, 0] + shifts[:, 0], place[:, 1] + shifts[:, 1]
        turns = x[:, None, None] * axis + y[:, None, None] * axis[:, None]
        total += height * envelope * torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)
    return inverse_fourier(total).real / GRID.pixel_angstrom**2


def density(points: Tensor = POINTS, heights: Tensor = HEIGHTS, pixels: int = 20) -> Volume:
    """The Gaussians themselves, in real space."""
    step = GRID.box_angstrom / pixels
    axis = (torch.arange(pixels, dtype=torch.float64) - pixels // 2) * step
    total = torch.zeros((pixels,) * 3, dtype=torch.float64)
    for (x, y, z), height in zip(points.tolist(), heights.tolist(), strict=True):
        square = (axis[:, None, None] - z) ** 2 + (axis[:, None] - y) ** 2 + (axis - x) ** 2
        total += height * torch.exp(-square / (2 * WIDTH**2))
    return total / (2 * torch.pi * WIDTH**2) ** 1.5


def noisy_views(count: int, seed: int, snr: float) -> tuple[Tensor, Tensor, Tensor]:
    """Images, rotations and shifts."""
    rotations, shifts = random_rotations(count, seed), random_shifts(count, seed + 1)
    clean = project(rotations, shifts)
    generator = torch.Generator().manual_seed(seed + 2)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    return (clean + noise * clean.std() / snr**0.5).float(), rotations, shifts
