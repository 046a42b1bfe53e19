"""The centre of a molecule in the image, with what its inside does to it taken into account."""

from math import pi

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.overview.matched_filter import (
    COARSEST_ANGSTROM,
    ball_radius_angstrom,
    ball_transform,
    mirrored,
    noise_power,
)
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Float, Tensor

PATCH_ANGSTROM = 400.0
TEXTURE_RAD2_ANGSTROM4_PER_KDA = 0.6
"""Power of a protein's phase about its mean, per mass: some 75 atoms a kDa, each of 0.09 rad Å2
(forward scattering of carbon, nitrogen and oxygen at 200 keV), as if they lay at random."""
TEXTURE_B_ANGSTROM2 = 60.0
"""Fall of that power with frequency, exp(-B q^2 / 2), by atoms' shape and motion."""
STEPS = 3
"""The new centre may move what lies in the patch's middle, so it is sought again."""


class Centring:
    """Finds centres in one image; its filters are made once for each mass."""

    def __init__(
        self,
        contrast: NDArray[np.float32],
        electrons: NDArray[np.float32],
        pixel_angstrom: float,
        optics: OpticsSettings,
        electron: Electron,
    ) -> None:
        self._contrast = contrast
        self._pixel = pixel_angstrom
        side = round(PATCH_ANGSTROM / pixel_angstrom)
        self._side = side + side % 2
        grid = Grid(self._side, self._side * pixel_angstrom)
        half = self._side // 2 + 1
        self._q = torch.sqrt(grid.squared_frequencies(dtype=torch.float64))[:, :half]
        self._lens = phase_contrast(optics, grid, electron)[:, :half].double()
        self._noise = noise_power(electrons, pixel_angstrom, self._q) * pixel_angstrom**2
        self._filters: dict[float, Float[Tensor, "y half_x"]] = {}

    def centre(self, column: float, row: float, mass_kda: float) -> tuple[float, float]:
        """Return the centre (column, row) nearest to a pixel, of a molecule of about that mass."""
        x, y = column, row
        reach = ball_radius_angstrom(mass_kda) / self._pixel
        for _ in range(STEPS):
            left, top = round(x) - self._side // 2, round(y) - self._side // 2
            rows = mirrored(np.arange(top, top + self._side), self._contrast.shape[0])
            columns = mirrored(np.arange(left, left + self._side), self._contrast.shape[1])
            patch = torch.from_numpy(self._contrast[rows[:, None], columns[None, :]])
            response = torch.fft.irfft2(
                torch.fft.rfft2(patch.double()) * self._filter(mass_kda), s=patch.shape
            ).numpy()
            peak = _highest(response, x - left, y - top, reach)
            moved = peak[0] + left, peak[1] + top
            if np.hypot(moved[0] - column, moved[1] - row) > reach:
                return column, row
            x, y = moved
        return x, y

    def _filter(self, mass_kda: float) -> Float[Tensor, "y half_x"]:
        """K / (N + what the molecule's inside adds to the power within it)."""
        if mass_kda not in self._filters:
            radius = ball_radius_angstrom(mass_kda)
            density = TEXTURE_RAD2_ANGSTROM4_PER_KDA * mass_kda / (pi * radius**2)
            texture = density * torch.exp(-TEXTURE_B_ANGSTROM2 * self._q**2 / 2) * self._lens**2
            wanted = ball_transform(self._q, radius) * self._lens
            wanted = wanted * (self._q > 1 / COARSEST_ANGSTROM)
            self._filters[mass_kda] = wanted / (self._noise + texture)
        return self._filters[mass_kda]


def _highest(
    response: NDArray[np.float64], x: float, y: float, reach: float
) -> tuple[float, float]:
    """Return the highest point (column, row) within reach, to part of a pixel by parabolas."""
    rows, columns = np.indices(response.shape)
    near = np.hypot(rows - y, columns - x) <= max(reach, 1.5)
    near[[0, -1]], near[:, [0, -1]] = False, False
    row, column = np.unravel_index(np.where(near, response, -np.inf).argmax(), response.shape)
    here = response[row, column]
    return (
        column + _vertex(response[row, column - 1], here, response[row, column + 1]),
        row + _vertex(response[row - 1, column], here, response[row + 1, column]),
    )


def _vertex(before: float, here: float, after: float) -> float:
    """Place of the top of a parabola through three neighbours."""
    curvature = before - 2 * here + after
    return 0.0 if curvature >= 0 else float(np.clip(0.5 * (before - after) / curvature, -0.5, 0.5))
