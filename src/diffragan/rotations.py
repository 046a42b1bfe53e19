"""Orientations: matrices that left-multiply column vectors x, y, z, and their other notations."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Matrices = NDArray[np.float64]


def uniform_quaternion(generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw one orientation uniform on SO(3) as a unit quaternion x, y, z, w with w >= 0.

    Four normal deviates, normalised: Marsaglia, Ann. Math. Stat. 43 (1972) 645.
    """
    quaternion = generator.standard_normal(4)
    quaternion /= np.linalg.norm(quaternion)
    return quaternion if quaternion[3] >= 0 else -quaternion


def matrix_from_quaternion(quaternion: NDArray[np.float64]) -> Matrices:
    """Turn `(..., 4)` quaternions x, y, z, w into `(..., 3, 3)` matrices."""
    return np.asarray(Rotation.from_quat(quaternion).as_matrix())


def quaternion_from_matrix(matrix: Matrices) -> NDArray[np.float64]:
    """Turn `(..., 3, 3)` matrices into quaternions x, y, z, w with w >= 0."""
    return np.asarray(Rotation.from_matrix(matrix).as_quat(canonical=True))


def relion_angles_degrees(matrix: Matrices) -> NDArray[np.float64]:
    """RELION's rot, tilt, psi [degrees] of `(..., 3, 3)` orientations.

    RELION's Euler matrix A = Rz(psi) Ry(tilt) Rz(rot) in its passive sense: rows 0 and 1 of A are
    the image's x and y axes in the molecule's frame, so A equals our matrix, which takes the
    molecule into the laboratory frame.

    Source: Heymann et al., J. Struct. Biol. 151 (2005) 196 (the 3DEM convention).
    """
    flat = np.reshape(matrix, (-1, 3, 3))
    tilt = np.arccos(np.clip(flat[:, 2, 2], -1, 1))
    gimbal = np.hypot(flat[:, 2, 0], flat[:, 2, 1]) < 1e-9
    rot = np.where(
        gimbal,
        np.arctan2(np.sign(flat[:, 2, 2]) * flat[:, 0, 1], np.sign(flat[:, 2, 2]) * flat[:, 0, 0]),
        np.arctan2(flat[:, 2, 1], flat[:, 2, 0]),
    )
    psi = np.where(gimbal, 0.0, np.arctan2(flat[:, 1, 2], -flat[:, 0, 2]))
    angles = np.rad2deg(np.stack([rot, tilt, psi], axis=-1))
    return np.reshape(angles, (*np.shape(matrix)[:-2], 3))


def matrix_from_relion_angles(angles_degrees: NDArray[np.float64]) -> Matrices:
    """Orientation matrices of RELION's `(..., 3)` rot, tilt, psi [degrees]."""
    rot, tilt, psi = np.deg2rad(np.reshape(angles_degrees, (-1, 3))).T
    zero, one = np.zeros_like(rot), np.ones_like(rot)

    def stack(rows: list[list[NDArray[np.float64]]]) -> Matrices:
        return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)

    def about_z(angle: NDArray[np.float64]) -> Matrices:
        c, s = np.cos(angle), np.sin(angle)
        return stack([[c, s, zero], [-s, c, zero], [zero, zero, one]])

    c, s = np.cos(tilt), np.sin(tilt)
    about_y = stack([[c, zero, -s], [zero, one, zero], [s, zero, c]])
    matrices: Matrices = about_z(psi) @ about_y @ about_z(rot)
    return np.reshape(matrices, (*np.shape(angles_degrees)[:-1], 3, 3))
