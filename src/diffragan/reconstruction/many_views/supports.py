"""Where in its box a molecule may be, from a map of it."""

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.typing import Bool, Tensor, Volume

PROTEIN_ANGSTROM3_PER_DALTON = 1.21
"""Partial specific volume of proteins, 0.73 cm3/g; Andersson and Hovmöller, Z. Kristallogr. 213
(1998) 369, as in crystallography's Matthews coefficient."""


def smoothed(volume: Volume, sigma_angstrom: float, grid: Grid) -> Volume:
    """Convolve a periodic volume with a Gaussian; its origin may lie anywhere."""
    axis = grid.axis_frequencies(volume.device)
    falling = torch.exp(-2 * (torch.pi * sigma_angstrom * axis) ** 2)
    spectrum = torch.fft.rfftn(volume)
    spectrum *= falling[:, None, None] * falling[:, None]
    spectrum *= falling[: grid.pixels // 2 + 1]
    out: Tensor = torch.fft.irfftn(spectrum, s=volume.shape)
    return out


def densest(
    volume: Volume, volume_angstrom3: float, sigma_angstrom: float, grid: Grid
) -> Bool[Tensor, "z y x"]:
    """Take the part of a map, smoothed by `sigma_angstrom`, that is densest and of a given volume.

    Source: Marchesini et al., Phys. Rev. B 68 (2003) 140101; here the volume is given, as in
    Wang, Methods Enzymol. 115 (1985) 90.

    Raises
    ------
    InputError : The volume is not less than the box's.
    """
    count = round(volume_angstrom3 / grid.pixel_angstrom**3)
    if not 0 < count < volume.numel():
        raise InputError(
            f"a molecule of {volume_angstrom3:.0f} Å3 does not fit a box of {grid.box_angstrom:g} Å"
        )
    dense = smoothed(volume, sigma_angstrom, grid)
    threshold = torch.kthvalue(dense.flatten(), dense.numel() - count).values
    return dense > threshold


def widened(support: Bool[Tensor, "z y x"], by_angstrom: float, grid: Grid) -> Tensor:
    """Grow a periodic support by a distance on all sides."""
    if by_angstrom <= 0:
        return support
    axis = torch.fft.fftfreq(grid.pixels, 1 / grid.box_angstrom, dtype=torch.float64)
    axis = axis.to(support.device)
    near = axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2 <= by_angstrom**2
    reached = torch.fft.rfftn(support.float()) * torch.fft.rfftn(near.float())
    voxels: Tensor = torch.fft.irfftn(reached, s=support.shape)
    return voxels > 0.5  # whole numbers but for rounding
