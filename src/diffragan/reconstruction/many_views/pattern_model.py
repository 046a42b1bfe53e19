"""Patterns expected of a map, and how they change with it: the forward model of many views.

A map's transform on the Ewald sphere is an effective projected potential, and the wave behind it a
phase object's (see `waves`): single scattering is exact and multiple scattering close as long as
the molecule is thin. Of the patterns of 5PTI by multislice it misses 0.1 to 2.5 % of the moduli
from low to high frequency, single scattering alone 1.3 to 4.7 % (`docs/many-views-methods.md`).
"""

from math import ceil, pi
from typing import Any

import finufft
import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.fourier import fft2, ifft2
from diffragan.grid import Grid
from diffragan.physics.multislice import transmission
from diffragan.reconstruction.many_views.geometry import (
    MARGIN,
    Pixels,
    ewald_height,
    turned,
)
from diffragan.typing import Complex, Float, Tensor, Volume

ACCURACY = 1e-4
"""Relative error of transforms between samples: far below that of the phase object."""
FINE_GRID = 1.25
"""The smaller of the library's two oversamplings: a quarter of the memory."""


class PatternModel:
    """Intensities of views of a map, differentiable with respect to it."""

    def __init__(
        self, experiment: Experiment, pixels: Pixels, map_grid: Grid, limit_per_angstrom: float
    ) -> None:
        """Prepare the wave's samples up to the end of the data [1/Å]."""
        box, side = experiment.box_angstrom, experiment.diffraction_pixels
        self.grid = Grid(fast_even(ceil(2 * MARGIN * limit_per_angstrom * box)), box)
        self.map_grid = map_grid
        self.sigma = experiment.electron.interaction_rad_per_volt_angstrom
        axis = self.grid.axis_frequencies(dtype=torch.float64)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        squared = x**2 + y**2
        self.used = squared <= limit_per_angstrom**2
        flat = [x[self.used], y[self.used], ewald_height(squared[self.used], experiment.electron)]
        self.points = torch.stack(flat, dim=-1)
        count = self.grid.pixels
        rows = (pixels.places // side - side // 2) % count
        self.places = rows * count + (pixels.places % side - side // 2) % count

    def intensities(
        self, volume: Volume, rotations: Float[Tensor, "view 3 3"]
    ) -> Float[Tensor, "view pixel"]:
        """Find what the measured pixels see, in units of the map's squared transform [V2 Å6].

        Parameters
        ----------
        volume : Origin at voxel [0, 0, 0] [V].
        rotations : Molecule to laboratory frame.

        Source: Kirkland, 3rd ed., eqs. 5.19 and 6.65.
        """
        points = turned(self.points, rotations.cpu().double())
        values = _transform(volume, points, self.map_grid).to(torch.complex64)
        per_area = 1 / self.grid.pixel_angstrom**2
        count = self.grid.pixels
        spectrum = values.new_zeros(len(rotations), count, count)
        spectrum[:, self.used.to(values.device)] = values * per_area
        # Where the wave's origin lies does not matter to its moduli.
        phase = self.sigma * ifft2(spectrum)
        seen = fft2(transmission(phase)).flatten(1)[:, self.places.to(values.device)]
        return (seen.real**2 + seen.imag**2) / (self.sigma * per_area) ** 2


def _transform(
    volume: Volume, points: Float[Tensor, "view pixel 3"], grid: Grid
) -> Complex[Tensor, "view pixel"]:
    """Transform of a map at any points x, y, z [1/Å], differentiable [V Å3]."""
    found: Tensor = _MapTransform.apply(  # type: ignore[no-untyped-call]
        volume, points.reshape(-1, 3), grid
    )
    return found.reshape(points.shape[:2])


class _MapTransform(torch.autograd.Function):
    """Non-uniform transform of a real map; its adjoint takes gradients back."""

    @staticmethod
    def forward(ctx: Any, volume: Tensor, points: Tensor, grid: Grid) -> Tensor:
        angles = 2 * pi * grid.pixel_angstrom * points.numpy()
        ctx.angles = [np.ascontiguousarray(angles[:, axis], np.float32) for axis in (2, 1, 0)]
        ctx.grid, ctx.like = grid, volume
        density = torch.fft.fftshift(volume.detach()).cpu().numpy().astype(np.complex64)
        found = finufft.nufft3d2(
            *ctx.angles, density, isign=-1, eps=ACCURACY, upsampfac=FINE_GRID, nthreads=1
        )
        return torch.from_numpy(found).to(volume.device) * grid.pixel_angstrom**3

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        strengths = gradients[0].cpu().numpy().astype(np.complex64)
        found = finufft.nufft3d1(
            *ctx.angles, strengths, (ctx.grid.pixels,) * 3, isign=1, eps=ACCURACY,
            upsampfac=FINE_GRID, nthreads=1,
        )  # fmt: skip
        back = torch.from_numpy(np.ascontiguousarray(found.real)) * ctx.grid.pixel_angstrom**3
        return torch.fft.ifftshift(back).to(ctx.like), None, None
