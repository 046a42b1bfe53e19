"""Grids over all orientations, and turning by small angles."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.typing import Float, Tensor

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


def orientation_grid(step_degrees: float) -> Float[Tensor, "orientation 3 3"]:
    """Orientations about `step_degrees` apart: a spiral of directions times in-plane turns.

    Source: Swinbank and Purser, Q. J. R. Meteorol. Soc. 132 (2006) 1769 (the spiral).
    """
    step = math.radians(step_degrees)
    directions = max(4, math.ceil(4 * math.pi / step**2))
    turns = max(4, math.ceil(2 * math.pi / step))
    number = np.arange(directions)
    tilt = np.arccos(1 - (2 * number + 1) / directions)
    first = number * GOLDEN_ANGLE
    tilted = Rotation.from_euler("ZY", np.stack([first, tilt], -1)).inv().as_matrix()
    in_plane = Rotation.from_euler("Z", np.arange(turns)[:, None] * 2 * np.pi / turns).as_matrix()
    matrices = in_plane[None] @ tilted[:, None]
    return torch.from_numpy(matrices.reshape(-1, 3, 3))


def random_orientation(generator: np.random.Generator) -> Float[Tensor, "3 3"]:
    """One orientation uniform on SO(3)."""
    return torch.from_numpy(matrix_from_quaternion(uniform_quaternion(generator)))


def turn(vectors: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3 3"]:
    """Rotation matrices of rotation vectors [rad]."""
    matrices = Rotation.from_rotvec(vectors.double().cpu().numpy()).as_matrix()
    return torch.from_numpy(matrices).to(vectors.device)


def rotation_vector(matrix: Float[Tensor, "3 3"]) -> Float[Tensor, " 3"]:
    """Axis of a rotation times its angle [rad]."""
    vector = Rotation.from_matrix(matrix.double().cpu().numpy()).as_rotvec()
    return torch.from_numpy(vector).to(matrix.device)


def angle_between(
    first: Float[Tensor, "*batch 3 3"], second: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle of the rotation from one orientation to the other [rad]."""
    # The chord keeps its digits for small angles, where the trace loses them.
    chord = torch.linalg.matrix_norm(first.double() - second.double())
    return 2 * torch.asin((chord / math.sqrt(8)).clamp(max=1))
