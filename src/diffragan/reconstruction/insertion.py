"""Gather projections at known orientations into the equations of a map.

A point p of the molecule's frame appears in the laboratory at `R @ p + shift`. An image is the
laboratory's density projected along z, so its transform is the central slice of the molecule's
transform along the first two rows of R, times a phase ramp for the shift.

Source: Bracewell, Aust. J. Phys. 9 (1956) 198 (the slices).
"""

import math

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.band import coefficients, half_disc, ramp, slice_points
from diffragan.reconstruction.least_squares import adjoint, kernel_spectrum, normal_kernel
from diffragan.reconstruction.map_equations import Equations, map_pixels, mean_weights
from diffragan.typing import Complex, Float, Tensor

SAMPLES_AT_ONCE = 2**22
"""Fourier samples that wait for one transform; each takes about 100 bytes."""


class SliceAccumulator:
    """Sums over views; the views' orientations are kept, their images are not."""

    def __init__(
        self,
        grid: Grid,
        band_limit_per_angstrom: float | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        """Start without views; frequencies beyond the band limit [1/Å] or Nyquist stay out."""
        self.grid = grid
        self.device = device
        self.views = 0
        band = half_disc(grid.pixels)
        limit = min(grid.nyquist_per_angstrom, band_limit_per_angstrom or math.inf)
        shell = max(1, min(int(limit * grid.box_angstrom), int(band.shells[-1])))
        self.band = band.within(shell)
        self.pixels = map_pixels(shell, grid.pixels)
        """Side of the map that holds the band; the box is the images'."""
        self._right_side = torch.zeros((self.pixels,) * 3, dtype=torch.float64)
        self._rotations: list[Float[Tensor, "views 3 3"]] = []
        self._waiting: list[Complex[Tensor, "views sample"]] = []
        self._equations: Equations | None = None

    def insert(
        self,
        projections: Float[Tensor, "views y x"],
        rotations: Float[Tensor, "views 3 3"],
        shifts_angstrom: Float[Tensor, "views axes"],
    ) -> None:
        """Add views.

        Parameters
        ----------
        projections : `(views, y, x)`, origin at pixel n // 2.
        rotations : `(views, 3, 3)`, molecule to laboratory frame.
        shifts_angstrom : `(views, 2)` or `(views, 3)`, where the molecule's origin appears: x, y,
            and perhaps z, which a projection does not show [Å].
        """
        if len(projections) == 0:
            return
        values = coefficients(projections.cpu(), self.band, self.grid)
        values *= ramp(shifts_angstrom[:, :2].cpu(), self.band, self.grid.box_angstrom)
        self._waiting.append(values * self.band.shares)
        self._rotations.append(rotations.cpu().double())
        self.views += len(projections)
        self._equations = None
        if sum(map(torch.numel, self._waiting)) >= SAMPLES_AT_ONCE:
            self._gather()

    def equations(self) -> Equations:
        """Return the equations of all views so far."""
        if self._equations is None:
            self._gather()
            kernel = torch.zeros((2 * self.pixels,) * 3, dtype=torch.float64)
            step = max(1, SAMPLES_AT_ONCE // len(self.band))
            rotations = torch.cat([torch.zeros(0, 3, 3, dtype=torch.float64), *self._rotations])
            for part in torch.split(rotations, step):
                points = slice_points(part, self.band).reshape(-1, 3)
                kernel += normal_kernel(points, self.band.shares.repeat(len(part)), self.pixels)
            # Turning changes no distance from zero: one view tells the weights of all.
            flat = torch.cat([self.band.frequencies, torch.zeros(len(self.band), 1)], 1)
            weight = self.views * mean_weights(flat, self.band.shares, self.pixels)
            self._equations = Equations(self._right_side, kernel_spectrum(kernel), weight)
        return self._equations

    def _gather(self) -> None:
        """Add what waits to the sums."""
        if not self._waiting:
            return
        values = torch.cat(self._waiting)
        rotations = torch.cat(self._rotations)[-len(values) :]
        points = slice_points(rotations, self.band).reshape(-1, 3)
        self._right_side = self._right_side + adjoint(points, values.flatten(), self.pixels)
        self._waiting = []
