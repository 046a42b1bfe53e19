"""Maps of known content."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.residue_model import ResidueModel
from diffragan.reconstruction.validation.shells import low_passed
from diffragan.typing import Tensor, Volume


def noise(pixels: int, seed: int) -> Volume:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn((pixels,) * 3, generator=generator, dtype=torch.float64)


def gaussian_shape(sigma: float):
    """Form factor of a Gaussian density."""

    def shape(_number: int, frequency: Tensor) -> Tensor:
        return torch.exp(-2 * torch.pi**2 * sigma**2 * frequency**2)

    return shape


def map_of(model: ResidueModel, grid: Grid, resolution: float, snr: float | None = None) -> Volume:
    """Potential to a resolution, with white noise up to it: the ratio of variances is `snr`."""
    potential = low_passed(true_potential_map(model.atoms(), grid), grid, resolution)
    if snr is None:
        return potential.float()
    added = low_passed(noise(grid.pixels, 3), grid, resolution)
    return (potential + added / added.std() * potential.std() / snr**0.5).float()


def radii(grid: Grid) -> Volume:
    """Distance of every voxel from the origin [Å]."""
    axis = (torch.arange(grid.pixels, dtype=torch.float64) - grid.pixels // 2) * grid.pixel_angstrom
    return torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
