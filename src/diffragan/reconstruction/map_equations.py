"""The map that explains images best at given poses: sums over the images, then one solution."""

from dataclasses import dataclass

import torch

from diffragan.config.numerics import fast_even
from diffragan.reconstruction.band import Band, ramp, slice_points
from diffragan.reconstruction.least_squares import (
    adjoint,
    half_transform_shells,
    kernel_spectrum,
    normal_kernel,
    shell_volumes,
    solve,
)
from diffragan.typing import Complex, Float, Tensor, Volume

RIDGE = 0.1
"""Prior relative to the data's mean weight in a shell, where nothing is known of the signal."""
STIFFEST = 30.0
"""Largest prior, relative to the data's weight in the outermost shell with data: a wider range
would slow the solution down and change nothing that can be seen."""
SOFT_EDGE = 2.0
"""Width of the support's edge [pixels of the map]."""


@dataclass(frozen=True, slots=True)
class Equations:
    """Normal equations of a map: sums over its images."""

    right_side: Volume
    spectrum: Float[Tensor, "z y half_x"]
    mean_weight: Float[Tensor, " shell"]
    """Data's weight of a coefficient, mean of each shell to the cube's corner."""

    def plus(self, other: "Equations") -> "Equations":
        """Return the equations of both sets of images together."""
        return Equations(
            self.right_side + other.right_side,
            self.spectrum + other.spectrum,
            self.mean_weight + other.mean_weight,
        )

    def averaged(self, other: "Equations", share: float) -> "Equations":
        """Return these equations by `1 - share` and the others by `share`."""
        return Equations(
            torch.lerp(self.right_side, other.right_side, share),
            torch.lerp(self.spectrum, other.spectrum, share),
            torch.lerp(self.mean_weight, other.mean_weight, share),
        )


def map_pixels(last_shell: int, pixels: int) -> int:
    """Side of a map that holds shells up to `last_shell`, of images with `pixels`."""
    return min(fast_even(2 * last_shell + 4), pixels)


def normal_equations(
    points: Float[Tensor, "slice sample 3"],
    values: Complex[Tensor, "slice sample"],
    weights: Float[Tensor, "slice sample"],
    turns: Float[Tensor, "turn 3 3"],
    pixels: int,
) -> Equations:
    """Equations of slices at given points, with every symmetric copy.

    Parameters
    ----------
    points : In the molecule's transform.
    values : Sum of weighted data at each.
    weights : Sum of weights at each.
    turns : Of the symmetry group.
    pixels : Side of the map.
    """
    flat = points.reshape(-1, 3).double().cpu()
    # A turn g leaves the density as it is, so what was measured at q holds at g q too.
    copies = torch.cat([flat @ g.T for g in turns])
    weight = weights.reshape(-1).double().cpu()
    weights = weight.repeat(len(turns))
    return Equations(
        adjoint(copies, values.reshape(-1).repeat(len(turns)), pixels),
        kernel_spectrum(normal_kernel(copies, weights, pixels)),
        mean_weights(copies, weights, pixels),
    )


def mean_weights(
    points: Float[Tensor, "sample 3"], weights: Float[Tensor, " sample"], pixels: int
) -> Float[Tensor, " shell"]:
    """Weight of the data for a coefficient of each shell of a cube, on average."""
    shells = points.norm(dim=1).round().long().cpu()
    volumes = shell_volumes(pixels)
    return 2 * torch.zeros_like(volumes).index_add(0, shells, weights.double()) / volumes


def image_equations(
    data: Complex[Tensor, "n sample"],
    rotations: Float[Tensor, "n 3 3"],
    shifts: Float[Tensor, "n 2"],
    band: Band,
    turns: Float[Tensor, "turn 3 3"],
    pixels: int,
    box_angstrom: float,
) -> Equations:
    """Equations of images at their most likely poses."""
    values = data * ramp(shifts, band, box_angstrom) * band.shares
    spread = band.shares.expand(len(data), -1)
    points = slice_points(rotations.double(), band)
    return normal_equations(points, values, spread, turns, pixels)


def solve_map(
    equations: Equations,
    restraint: Float[Tensor, " shell"] | None,
    support: Volume,
) -> Volume:
    """Most likely map for a prior of Gaussian coefficients.

    Every sample weighs the same, whatever the noise of its shell: shells hardly mix, and weights
    that differ by orders of magnitude would take many steps to solve.

    Parameters
    ----------
    equations : Sums over images.
    restraint : Variance of the noise over that of the signal in each shell; a small ridge when
        nothing is known.
    support : Of the map.
    """
    pixels = len(support)
    shells = half_transform_shells(pixels)
    weight = equations.mean_weight
    prior = RIDGE * weight
    if restraint is not None:
        prior = torch.full_like(weight, torch.inf)
        known = min(len(restraint), len(weight))
        prior[:known] = restraint[:known].double()
    largest = STIFFEST * weight[weight > 0][-1]
    prior = torch.where(weight > 0, prior.clamp(max=largest), largest)
    volume = solve(
        equations.right_side.float(),
        equations.spectrum,
        prior[shells],
        weight[shells],
        support.float(),
    )
    # A ridge dims all alike, which would be a wrong potential.
    return volume if restraint is not None else (1 + RIDGE) * volume


def sphere(pixels: int, box_angstrom: float, diameter_angstrom: float) -> Volume:
    """Sphere about pixel n // 2 with a soft edge, cosine-shaped, inside its diameter."""
    axis = (torch.arange(pixels, dtype=torch.float64) - pixels // 2) * box_angstrom / pixels
    radius = torch.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    width = SOFT_EDGE * box_angstrom / pixels
    depth = ((diameter_angstrom / 2 - radius) / width).clamp(0, 1)
    return (0.5 - 0.5 * torch.cos(torch.pi * depth)).float()
