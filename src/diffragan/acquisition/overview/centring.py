"""The centre of a molecule in the image, with what its inside does to it taken into account."""

from math import pi

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.overview.contrast import Contrast
from diffragan.acquisition.overview.matched_filter import (
    COARSEST_ANGSTROM,
    ball_radius_angstrom,
    ball_transform,
    mirrored,
)
from diffragan.config.optics import OpticsSettings
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.physics.optics import phase_contrast
from diffragan.typing import Float, Tensor

PATCH_ANGSTROM = 400.0
PHASE_RAD_ANGSTROM2_PER_KDA = 2.0
"""Integral of a protein's phase against that of the ice it replaces, at 200 keV; it falls slowly
with the energy."""
TEXTURE_RAD2_ANGSTROM4_PER_KDA = 6.0
"""Power of a protein's phase about its mean, per mass: ten times that of 75 atoms of 0.09 rad Å2
at random, for helices and clefts are larger than atoms."""
TEXTURE_B_ANGSTROM2 = 60.0
"""Fall of that power with frequency, exp(-B q^2 / 2)."""
CORE_KDA = 9.0
"""A ball between that mass and the molecule's own finds the centre best: a large one fits any
neighbourhood, a small one any lump."""
ROUNDS = 3
"""What lies near the new centre counts anew."""


class Centring:
    """Finds centres in one image; its filters are made once for each mass."""

    def __init__(self, contrast: Contrast, optics: OpticsSettings, electron: Electron) -> None:
        self._contrast = contrast.values
        self._pixel = contrast.pixel_angstrom
        side = round(PATCH_ANGSTROM / self._pixel)
        self._side = side + side % 2
        grid = Grid(self._side, self._side * self._pixel)
        half = self._side // 2 + 1
        self._q = torch.sqrt(grid.squared_frequencies(dtype=torch.float64))[:, :half]
        self._lens = phase_contrast(optics, grid, electron)[:, :half].double()
        self._noise = contrast.noise_power(self._q) * self._pixel**2
        self._filters: dict[float, Float[Tensor, "y half_x"]] = {}

    def centre(self, column: float, row: float, mass_kda: float) -> tuple[float, float]:
        """Return the centre (column, row) near a pixel, of a molecule of about that mass.

        It is the mean of all places within the molecule's radius, each weighted by its likelihood:
        where several are likely, that errs less than the best of them.
        """
        x, y = column, row
        reach = max(ball_radius_angstrom(mass_kda) / self._pixel, 2.0)
        core = float(np.sqrt(mass_kda * CORE_KDA))
        for _ in range(ROUNDS):
            left, top = round(x) - self._side // 2, round(y) - self._side // 2
            rows = mirrored(np.arange(top, top + self._side), self._contrast.shape[0])
            columns = mirrored(np.arange(left, left + self._side), self._contrast.shape[1])
            patch = torch.from_numpy(self._contrast[rows[:, None], columns[None, :]])
            likelihood = torch.fft.irfft2(
                torch.fft.rfft2(patch.double()) * self._filter(core), s=patch.shape
            ).numpy()
            x, y = _mean_place(likelihood, x - left, y - top, reach)
            x, y = x + left, y + top
        return x, y

    def _filter(self, mass_kda: float) -> Float[Tensor, "y half_x"]:
        """K / (N + what the molecule's inside adds), whose response is a log likelihood."""
        if mass_kda not in self._filters:
            radius = ball_radius_angstrom(mass_kda)
            density = TEXTURE_RAD2_ANGSTROM4_PER_KDA * mass_kda / (pi * radius**2)
            texture = density * torch.exp(-TEXTURE_B_ANGSTROM2 * self._q**2 / 2) * self._lens**2
            phase = PHASE_RAD_ANGSTROM2_PER_KDA * mass_kda
            wanted = phase * ball_transform(self._q, radius) * self._lens
            wanted = wanted * (self._q > 1 / COARSEST_ANGSTROM)
            self._filters[mass_kda] = wanted / (self._noise + texture)
        return self._filters[mass_kda]


def _mean_place(
    likelihood: NDArray[np.float64], x: float, y: float, reach: float
) -> tuple[float, float]:
    """Mean column and row within reach of a place, weighted by exp(likelihood)."""
    rows, columns = np.ogrid[: likelihood.shape[0], : likelihood.shape[1]]
    near = np.hypot(rows - y, columns - x) <= reach
    weight = np.exp(likelihood[near] - likelihood[near].max())
    weight /= weight.sum()
    row, column = np.nonzero(near)
    return float(weight @ column), float(weight @ row)
