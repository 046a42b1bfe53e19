"""Move a docked model to where it fits best, between the voxels and the orientations tried.

The correlation of a rigid model with a map is the sum over its atoms of the map, filtered by an
atom's own shape, at their places: a smooth function of six numbers with a known slope.

Source: Rossmann, Acta Cryst. D56 (2000) 1341 (rigid fits by sums of density at atoms).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from diffragan.grid import Grid
from diffragan.physics.form_factors import electron_form_factor
from diffragan.reconstruction.validation.resampling import cropped_transform, pixels_for
from diffragan.reconstruction.validation.shells import pass_band, shell_power, whitened
from diffragan.reconstruction.validation.splines import (
    spline_at,
    spline_of,
    spline_with_slopes,
)
from diffragan.typing import Tensor, Volume

Numbers = NDArray[np.float64]

SAMPLES = 3.0
"""Voxels for each of the resolution, at least: a cubic spline through them is exact enough."""
CARBON = 6
MOST_STEPS = 40
LEAST_SLOPE = 1e-3
"""Of the gain, relative to it [1/Å]: what is then still to go is about a hundredth of an Å."""
FAINT = 1e-12
SMALL_ANGLE_RAD = 1e-6


@dataclass(frozen=True, slots=True)
class Field:
    """What an atom of weight one gains at each place of a map."""

    coefficients: Numbers
    """`(z, y, x)`, of a cubic spline."""
    voxel_angstrom: float

    def gain(self, positions: Numbers, weights: Numbers) -> float:
        """Sum over `(atom, xyz)` positions [Å] of their gains times their weights."""
        return float(weights @ spline_at(self.coefficients, positions, self.voxel_angstrom))

    def gain_and_forces(self, positions: Numbers, weights: Numbers) -> tuple[float, Numbers]:
        """Return the gain and its slopes `(atom, xyz)` in each atom's position [1/Å]."""
        values, slopes = spline_with_slopes(self.coefficients, positions, self.voxel_angstrom)
        return float(weights @ values), weights[:, None] * slopes


def field_of(volume: Volume, own: Volume, grid: Grid, resolution_angstrom: float) -> Field:
    """Prepare a map for sums over atoms whose result is a correlation up to a resolution.

    The map's shells are whitened and so are, on the average over orientations, the model's.

    Parameters
    ----------
    volume : `(z, y, x)`.
    own : `(z, y, x)`, the model's own map.
    grid : Sampling of both.
    resolution_angstrom : Finest detail that counts [Å].
    """
    pixels = pixels_for(grid, resolution_angstrom, SAMPLES)
    coarse = grid.with_pixels(pixels)
    measured = cropped_transform(volume, pixels) * pass_band(coarse, resolution_angstrom)
    power = shell_power(cropped_transform(own, pixels) * pass_band(coarse, resolution_angstrom))
    radius = torch.sqrt(sum_of_squares(coarse))
    shape = electron_form_factor(CARBON, radius) / power.clamp(min=1e-300).sqrt()
    wanted = whitened(measured) * torch.where(power > 0, shape, 0)
    wanted = wanted * pass_band(coarse, resolution_angstrom)
    wanted[0, 0, 0] = 0
    values = torch.fft.fftshift(torch.fft.ifftn(wanted).real).numpy()
    return Field(spline_of(values), coarse.pixel_angstrom)


def sum_of_squares(grid: Grid) -> Tensor:
    """Squared frequency of a cube's coefficients in FFT order [1/Å2]."""
    axis = grid.axis_frequencies(dtype=torch.float64)
    return axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2


def refine_pose(
    field: Field, positions: Numbers, weights: Numbers, rotation: Numbers, shift: Numbers
) -> tuple[Numbers, Numbers, float]:
    """Climb to the nearest pose that fits best.

    Parameters
    ----------
    field : The prepared map.
    positions : `(atom, xyz)`, their centre at the origin [Å].
    weights : `(atom,)`, how strongly each scatters.
    rotation, shift : Where to start: p goes to `rotation @ p + shift`.

    Returns
    -------
    The rotation, the shift [Å], and the field's gain there.
    """
    reach = float(np.sqrt((positions**2).sum(-1).mean())) or 1.0
    start = positions @ rotation.T
    scale = 1 / max(abs(field.gain(start + shift, weights)), FAINT)

    def loss(move: Numbers) -> tuple[float, Numbers]:
        # A turn is given as the path of a typical atom, so that all six numbers are in Å.
        turn = move[:3] / reach
        turned = start @ Rotation.from_rotvec(turn).as_matrix().T
        gain, force = field.gain_and_forces(turned + shift + move[3:], weights)
        torque = _turn_jacobian(turn).T @ np.cross(turned, force).sum(0) / reach
        return -scale * gain, -scale * np.concatenate([torque, force.sum(0)])

    # SciPy's L-BFGS-B asks threaded LAPACK for 6 x 6 matrices, which takes fifty times as long.
    options = {"maxiter": MOST_STEPS, "gtol": LEAST_SLOPE}
    found = minimize(loss, np.zeros(6), jac=True, method="BFGS", options=options)
    turned = Rotation.from_rotvec(found.x[:3] / reach).as_matrix() @ rotation
    moved = shift + found.x[3:]
    return turned, moved, field.gain(positions @ turned.T + moved, weights)


def _turn_jacobian(turn: Numbers) -> Numbers:
    """How a small change of a rotation vector turns what it has turned already.

    Source: Chirikjian, Stochastic Models, Information Theory, and Lie Groups 2 (2012), eq. 10.86.
    """
    angle = float(np.linalg.norm(turn))
    x, y, z = turn
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < SMALL_ANGLE_RAD:
        return np.asarray(np.eye(3) + cross / 2)
    first, second = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.asarray(np.eye(3) + first * cross + second * cross @ cross)
