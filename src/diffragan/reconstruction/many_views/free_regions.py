"""Free reflections in 3D: whole regions of Fourier space that phasing never sees.

A molecule's intensities are smooth over a sample or more, so neighbours of a single free sample
would tell of it. Cubes as wide as the intensity's features are kept out instead.
"""

from dataclasses import dataclass

import numpy as np
import torch

from diffragan.errors import ConfigError
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import half_shape
from diffragan.typing import Bool, Tensor

LARGEST_FRACTION = 0.5


@dataclass(frozen=True, slots=True)
class FreeRegions:
    """Which share of Fourier space is kept out, drawn by a seed; opposite regions go together."""

    fraction: float = 0.05
    seed: int = 0
    width: int = 3
    """Side of a region [samples], odd, so that one has zero in its middle."""

    def __post_init__(self) -> None:
        """Refuse shares and widths that make no sense.

        Raises
        ------
        ConfigError : The fraction is not between 0 and one half, or the width is not odd.
        """
        if not 0 < self.fraction <= LARGEST_FRACTION:
            raise ConfigError(
                f"the free fraction is {self.fraction:g}; use more than 0 and at most "
                f"{LARGEST_FRACTION:g}, usually 0.05"
            )
        if self.width < 1 or self.width % 2 == 0:
            raise ConfigError(f"free regions are {self.width} samples wide; use an odd number")

    def mask(self, grid: Grid, device: torch.device | str = "cpu") -> Bool[Tensor, "z y half_x"]:
        """Draw the free samples of a half transform, always the same for one seed and grid.

        Source: Brünger, Nature 355 (1992) 472 (free reflections).
        """
        reach = (grid.pixels // 2 + self.width // 2) // self.width
        draws = np.random.default_rng(self.seed).random((2 * reach + 1,) * 3)
        lesser = np.minimum(draws, draws[::-1, ::-1, ::-1])
        free = torch.from_numpy(1 - (1 - lesser) ** 2 < self.fraction)
        # The region around zero steers the whole map and can be predicted by none.
        free[reach, reach, reach] = False
        z, y, x = half_shape(grid)
        index = [
            torch.div(k + self.width // 2, self.width, rounding_mode="floor") + reach
            for k in (_signed(z), _signed(y), torch.arange(x))
        ]
        return free[index[0][:, None, None], index[1][:, None], index[2]].to(device)


def width_for(grid: Grid, diameter_angstrom: float) -> int:
    """Odd number of samples that an intensity's features are wide: 1 / diameter."""
    return 2 * round(grid.box_angstrom / diameter_angstrom / 2) + 1


def _signed(count: int) -> Tensor:
    return torch.round(torch.fft.fftfreq(count, 1 / count, dtype=torch.float64)).long()
