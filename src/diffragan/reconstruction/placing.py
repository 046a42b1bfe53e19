"""Where in its box a map lies: moduli do not say, so iterations drift, and the coarse map tells."""

from math import pi

import torch

from diffragan.grid import Grid
from diffragan.typing import Float, Tensor, Volume

COARSEST_ANGSTROM = 25.0
"""Coarser coefficients tell little of a place, and defocused images little of them."""
STEPS = 10
CLEAR_RADIAN = 1.5
"""Phases that differ by more say nothing of a small shift."""


def placed_on(volume: Volume, coarse: Volume, grid: Grid, finest_angstrom: float) -> Volume:
    """Move a map, by less than a voxel or by more, to where a coarse map of the molecule is.

    Parameters
    ----------
    volume, coarse : Origin at voxel [0, 0, 0].
    finest_angstrom : Resolution of the coarse map [Å].
    """
    return moved(volume, -drift(volume, coarse, grid, finest_angstrom), grid)


def drift(
    volume: Volume, coarse: Volume, grid: Grid, finest_angstrom: float
) -> Float[Tensor, " xyz"]:
    """How far a map lies from a coarse one, x, y, z [Å].

    A shift s turns a coefficient's phase by -2 pi q.s: least squares over all phases, each by the
    product of both moduli; those that differ too much count once the shift is smaller.
    """
    axis = grid.axis_frequencies(volume.device, torch.float64)
    near = torch.nonzero(axis.abs() <= 1 / finest_angstrom)[:, 0]  # a small part of a large grid
    half = near[near < grid.pixels // 2]
    half = half[axis[half] >= 0]
    z, y, x = torch.meshgrid(axis[near], axis[near], axis[half], indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    distance = points.norm(dim=-1)
    inside = (distance >= 1 / COARSEST_ANGSTROM) & (distance <= 1 / finest_angstrom)
    first, second = (
        torch.fft.rfftn(part)[near][:, near][..., half][inside] for part in (volume, coarse)
    )
    cross, slopes = (first * second.conj()).to(torch.complex128), -2 * pi * points[inside]
    found = torch.zeros(3, dtype=torch.float64, device=volume.device)
    if not bool((cross.abs() > 0).any()):
        return found
    for _ in range(STEPS):
        phase = torch.angle(cross * torch.polar(torch.ones_like(cross.real), -(slopes @ found)))
        weight = (cross.abs() * (phase.abs() < CLEAR_RADIAN))[:, None]
        normal = slopes.T @ (weight * slopes)
        found = found + torch.linalg.lstsq(normal, slopes.T @ (weight[:, 0] * phase)).solution
    return found


def moved(volume: Volume, shift_angstrom: Float[Tensor, " xyz"], grid: Grid) -> Volume:
    """Move a periodic map by x, y, z [Å]."""
    axis = grid.axis_frequencies(volume.device, torch.float64)
    spectrum = torch.fft.rfftn(volume)
    for dim, (along, part) in enumerate(
        zip((axis, axis, axis[: grid.pixels // 2 + 1].abs()), shift_angstrom.tolist()[::-1],
            strict=True)
    ):  # fmt: skip
        turns = -2 * pi * part * along
        ramp = torch.polar(torch.ones_like(turns), turns).to(spectrum.dtype)
        spectrum *= ramp.reshape([-1 if at == dim else 1 for at in range(3)])
    out: Tensor = torch.fft.irfftn(spectrum, s=volume.shape)
    return out
