"""The normal equations against their definition, and maps from slices."""

import torch
from blob import GRID, density, project, random_rotations, random_shifts

from diffragan.reconstruction.band import coefficients, half_disc
from diffragan.reconstruction.least_squares import (
    ACCURACY,
    adjoint,
    kernel_spectrum,
    normal_kernel,
    shell_volumes,
)
from diffragan.reconstruction.map_equations import image_equations, solve_map, sphere
from diffragan.reconstruction.refinement.symmetry import symmetry_turns

PIXELS = 6


def definition(points: torch.Tensor) -> torch.Tensor:
    """exp(-2 pi i q.x) of every point and voxel."""
    axis = torch.arange(PIXELS, dtype=torch.float64) - PIXELS // 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    places = torch.stack([x, y, z], -1).reshape(-1, 3)
    turns = points @ places.T / PIXELS
    return torch.polar(torch.ones_like(turns), -2 * torch.pi * turns)


def samples(count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(count, 3, generator=generator, dtype=torch.float64) - 0.5) * 5
    values = torch.randn(count, generator=generator, dtype=torch.complex128)
    return points, values, torch.rand(count, generator=generator, dtype=torch.float64)


def test_the_adjoint_is_the_sum() -> None:
    points, values, _ = samples(30)
    expected = (definition(points).mH @ values).real
    torch.testing.assert_close(
        adjoint(points, values, PIXELS).flatten(),
        expected,
        atol=ACCURACY * float(expected.abs().max()),
        rtol=0,
    )


def test_the_normal_operator_is_its_convolution() -> None:
    points, _, weights = samples(30)
    generator = torch.Generator().manual_seed(1)
    volume = torch.randn((PIXELS,) * 3, generator=generator, dtype=torch.float64)
    matrix = definition(points)
    series = matrix @ volume.flatten().to(torch.complex128)
    expected = (matrix.mH @ (weights * series)).real
    double = [2 * PIXELS] * 3
    spectrum = kernel_spectrum(normal_kernel(points, weights, PIXELS))
    found = torch.fft.irfftn(torch.fft.rfftn(volume, s=double) * spectrum, s=double)
    near = found[:PIXELS, :PIXELS, :PIXELS].flatten()
    torch.testing.assert_close(near, expected, atol=2e-3, rtol=1e-3)


def test_shells_hold_all_coefficients() -> None:
    for pixels in (6, 7):
        assert shell_volumes(pixels).sum() == pixels**3


def test_views_without_noise_give_the_density() -> None:
    rotations, shifts = random_rotations(80, 2), random_shifts(80, 3)
    band = half_disc(GRID.pixels)
    data = coefficients(project(rotations, shifts), band, GRID)
    turns = symmetry_turns("C1")
    equations = image_equations(
        data, rotations, shifts, band, turns, GRID.pixels, GRID.box_angstrom
    )
    nearly_none = torch.full((10,), 1e-3, dtype=torch.float64)
    found = solve_map(equations, nearly_none, sphere(GRID.pixels, GRID.box_angstrom, 38.0))
    truth = density().float()
    assert (found - truth).norm() < 0.05 * truth.norm()
