"""A map on a coarser or finer grid, by its transform."""

import torch

from diffragan.typing import Tensor, Volume


def resized(volume: Volume, pixels: int, last_shell: int) -> Volume:
    """Put a map on another number of voxels, with the shells up to `last_shell` only."""
    size = len(volume)
    small = min(size, pixels)
    transform = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(volume.double()))) / size**3
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    radius = torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    transform = transform * (radius.round() <= last_shell)
    new = torch.zeros((pixels,) * 3, dtype=transform.dtype)
    old_part = slice(size // 2 - small // 2, size // 2 - small // 2 + small)
    new_part = slice(pixels // 2 - small // 2, pixels // 2 - small // 2 + small)
    new[new_part, new_part, new_part] = transform[old_part, old_part, old_part]
    back: Tensor = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(new))).real * pixels**3
    return back.float()
