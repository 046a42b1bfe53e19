"""Where the pixels of a diffraction pattern lie in the Fourier space of the molecule."""

from dataclasses import dataclass
from math import ceil

import torch

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.errors import ConfigError, InputError
from diffragan.grid import Grid
from diffragan.typing import Float, Int, Mask, Tensor

MARGIN = 1.15
"""Highest frequency of the grid over that of the data. A map whose transform is cut off where the
data end rings outside its support, so moduli and support would contradict each other."""
BOX_OVER_DIAMETER = 2.2
"""A molecule's autocorrelation is twice as wide as the molecule, and a little room keeps linear
interpolation between intensities good."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Measured pixels of a pattern, and where they lie."""

    points: Float[Tensor, "pixel 3"]
    """x, y, z in the laboratory's frame, on the Ewald sphere [1/Å]."""
    places: Int[Tensor, " pixel"]
    """Place of each in the flattened square `(q_y, q_x)`."""


def ewald_height(squared: Tensor, electron: Electron) -> Tensor:
    """Return q_z on the Ewald sphere at squared transverse frequencies [1/Å].

    -lambda q^2 / 2 for a beam along +z and transforms with exp(-2 pi i q.r): an atom z above the
    mid-plane scatters its wave z later, which the propagator back to the mid-plane,
    exp(i pi lambda z q^2), undoes.

    Source: Kirkland, 3rd ed., eq. 6.65 (the propagator), to first order in the potential.
    """
    return -0.5 * electron.wavelength_angstrom * squared


def measured_pixels(experiment: Experiment, measured: Mask, limit_per_angstrom: float) -> Pixels:
    """Find the measured pixels of a pattern up to a frequency.

    Parameters
    ----------
    measured : `(q_y, q_x)`, centred.
    limit_per_angstrom : Pixels beyond it are left out [1/Å].

    Raises
    ------
    InputError : No pixel is left.
    """
    side = measured.shape[-1]
    axis = (torch.arange(side, dtype=torch.float64) - side // 2) / experiment.box_angstrom
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    squared = x**2 + y**2
    used = measured.cpu() & (squared <= limit_per_angstrom**2) & (squared > 0)
    if not bool(used.any()):
        raise InputError(
            f"no pixel of the patterns was measured within {limit_per_angstrom:.3g} 1/Å; use a "
            "higher limit"
        )
    height = ewald_height(squared, experiment.electron)
    points = torch.stack([x[used], y[used], height[used]], dim=-1)
    return Pixels(points.float(), torch.nonzero(used.flatten())[:, 0])


def grid_for(limit_per_angstrom: float, box_angstrom: float, margin: float = MARGIN) -> Grid:
    """Return the cube's grid that holds data up to a limit [1/Å], with a margin.

    Raises
    ------
    ConfigError : The box is too small to hold a transform of eight samples.
    """
    pixels = fast_even(ceil(2 * margin * limit_per_angstrom * box_angstrom))
    if pixels < 8:
        raise ConfigError(
            f"a box of {box_angstrom:g} Å has {pixels} samples to {limit_per_angstrom:g} 1/Å; use "
            "a larger one"
        )
    return Grid(pixels, box_angstrom)


def turned(points: Float[Tensor, "pixel 3"], rotations: Float[Tensor, "view 3 3"]) -> Tensor:
    """Turn laboratory points into the molecule's frame, `(view, pixel, 3)`: q becomes R^T q.

    Parameters
    ----------
    rotations : `(view, 3, 3)`, molecule to laboratory frame.
    """
    return points @ rotations.to(points)
