"""Maps with fewer voxels in the same box."""

from math import ceil

import torch

from diffragan.grid import Grid
from diffragan.typing import Complex, Tensor, Volume


def pixels_for(grid: Grid, finest_angstrom: float, samples: float) -> int:
    """Even count of voxels along a box, `samples` for the finest detail [Å], or what there is."""
    return min(grid.pixels, 2 * ceil(samples * grid.box_angstrom / finest_angstrom / 2))


def cropped_transform(volume: Volume, pixels: int) -> Complex[Tensor, "z y x"]:
    """Transform of a map in FFT order, without the frequencies beyond `pixels` samples."""
    size = len(volume)
    transform = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(volume)))
    start = size // 2 - pixels // 2
    part = slice(start, start + pixels)
    cropped: Tensor = torch.fft.ifftshift(transform[part, part, part])
    return cropped.to(torch.complex128)


def coarser(volume: Volume, grid: Grid, pixels: int) -> tuple[Volume, Grid]:
    """Sample a map `(z, y, x)` on fewer voxels by cropping its transform; values are kept."""
    if pixels >= grid.pixels:
        return volume, grid
    values = torch.fft.ifftn(cropped_transform(volume.float(), pixels)).real
    kept: Volume = torch.fft.fftshift(values) * (pixels / grid.pixels) ** 3
    return kept, grid.with_pixels(pixels)
