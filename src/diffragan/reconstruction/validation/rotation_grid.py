"""Orientations spread evenly over all there are."""

import numpy as np
from numpy.typing import NDArray

from diffragan.rotations import Matrices, matrix_from_quaternion

PHI = 2**0.5
PSI = 1.533751168755204288118041413
"""The positive root of x^4 = x + 4."""


def even_rotations(count: int) -> Matrices:
    """Spread `count` rotation matrices over SO(3) along a super-Fibonacci spiral.

    Source: Alexa, Super-Fibonacci spirals, Proc. CVPR 2022, 8291, algorithm 1.
    """
    number = np.arange(count) + 0.5
    share = number / count
    inner, outer = np.sqrt(share), np.sqrt(1 - share)
    first, second = 2 * np.pi * number / PHI, 2 * np.pi * number / PSI
    parts = (np.sin(first), np.cos(first), np.sin(second), np.cos(second))
    sizes = (inner, inner, outer, outer)
    quaternions = [size * part for size, part in zip(sizes, parts, strict=True)]
    return matrix_from_quaternion(np.stack(quaternions, axis=-1))


def rotations_needed(step_rad: float) -> int:
    """Count of rotations whose cells have the volume of a ball of radius `step_rad` / 2 [rad]."""
    # SO(3) has the volume 8 pi^2 in the measure in which a small ball of radius r has 4 pi r^3 / 3.
    return int(np.ceil(8 * np.pi**2 / (4 * np.pi / 3 * (step_rad / 2) ** 3)))


def angles_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angle [rad] of the rotation that takes each of `(..., 3, 3)` matrices to the other's."""
    trace = np.einsum("...ij,...ij->...", first, second)
    return np.asarray(np.arccos(np.clip((trace - 1) / 2, -1, 1)))
