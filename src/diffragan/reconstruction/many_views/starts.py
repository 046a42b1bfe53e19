"""Coarse maps to start from."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import frequency, shell_index, shell_sum
from diffragan.typing import Float, Tensor, Volume


def coarse_map(
    volume: Volume, grid: Grid, resolution_angstrom: float, noise: float = 0.0, seed: int = 0
) -> Volume:
    """Cut a map off at a resolution, and add noise of a share of each shell's amplitude.

    Parameters
    ----------
    volume : Origin at voxel [0, 0, 0].
    noise : Root mean square of the noise over that of the map, in each shell; 0.5 is an amplitude
        signal-to-noise ratio of 2.
    """
    spectrum = torch.fft.rfftn(volume)
    if noise > 0:
        generator = torch.Generator().manual_seed(seed)
        white = torch.randn(volume.shape, generator=generator).to(volume)
        added = torch.fft.rfftn(white)
        shells = shell_index(grid, volume.device)
        level = _shell_rms(spectrum, shells) / _shell_rms(added, shells).clamp(min=1e-30)
        spectrum = spectrum + noise * level[shells] * added
    inside = frequency(grid, volume.device) <= 1 / resolution_angstrom
    out: Tensor = torch.fft.irfftn(torch.where(inside, spectrum, 0.0), s=volume.shape)
    return out


def _shell_rms(spectrum: Tensor, shells: Tensor) -> Float[Tensor, " shell"]:
    power = shell_sum(spectrum.real**2 + spectrum.imag**2, shells)
    count = shell_sum(torch.ones_like(spectrum.real), shells)
    return torch.sqrt(power / count.clamp(min=1)).float()
