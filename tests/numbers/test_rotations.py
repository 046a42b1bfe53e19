import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from diffragan.rotations import (
    matrix_from_quaternion,
    matrix_from_relion_angles,
    quaternion_from_matrix,
    relion_angles_degrees,
    uniform_quaternion,
)

seeds = st.integers(0, 2**32 - 1)
degrees = st.floats(-180, 180)


def random_matrices(seed: int, count: int = 5) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    return matrix_from_quaternion(np.stack([uniform_quaternion(generator) for _ in range(count)]))


@given(seeds)
def test_matrices_return_from_relion_angles(seed: int) -> None:
    matrices = random_matrices(seed)
    angles = relion_angles_degrees(matrices)
    assert (angles[:, 1] >= 0).all()
    assert (angles[:, 1] <= 180).all()
    np.testing.assert_allclose(matrix_from_relion_angles(angles), matrices, atol=1e-7)


@given(degrees, st.sampled_from([0.0, 180.0, 1e-7, 1e-4, 180 - 1e-7, 180 - 1e-4]), degrees)
def test_matrices_return_where_rot_and_psi_turn_about_one_axis(
    rot: float, tilt: float, psi: float
) -> None:
    matrix = matrix_from_relion_angles(np.array([rot, tilt, psi]))
    again = matrix_from_relion_angles(relion_angles_degrees(matrix))
    np.testing.assert_allclose(again, matrix, atol=1e-7)


@given(degrees, degrees, degrees)
def test_relion_matrices_are_rotations(rot: float, tilt: float, psi: float) -> None:
    matrix = matrix_from_relion_angles(np.array([rot, tilt, psi]))
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1)


@given(degrees, degrees, degrees)
def test_relion_angles_are_scipys_zyz_of_the_inverse(rot: float, tilt: float, psi: float) -> None:
    expected = Rotation.from_euler("ZYZ", [rot, tilt, psi], degrees=True).inv().as_matrix()
    matrix = matrix_from_relion_angles(np.array([rot, tilt, psi]))
    np.testing.assert_allclose(matrix, expected, atol=1e-12)


def test_relion_turns_the_frame_and_so_the_molecule_backwards() -> None:
    matrix = matrix_from_relion_angles(np.array([90.0, 0.0, 0.0]))
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, -1, 0], atol=1e-12)


@given(seeds)
def test_quaternions_return_with_their_real_part_positive(seed: int) -> None:
    quaternion = uniform_quaternion(np.random.default_rng(seed))
    assert quaternion[3] >= 0
    assert np.linalg.norm(quaternion) == pytest.approx(1)
    matrix = matrix_from_quaternion(quaternion)
    np.testing.assert_allclose(quaternion_from_matrix(matrix), quaternion, atol=1e-7)
    np.testing.assert_allclose(matrix_from_quaternion(-quaternion), matrix, atol=1e-12)


def test_a_quaternion_is_x_y_z_w_and_turns_by_the_right_hand() -> None:
    half = np.sqrt(0.5)
    matrix = matrix_from_quaternion(np.array([0.0, 0.0, half, half]))
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_orientations_are_uniform() -> None:
    generator = np.random.default_rng(0)
    quaternions = np.stack([uniform_quaternion(generator) for _ in range(4000)])
    matrices = matrix_from_quaternion(quaternions)
    # Every matrix element has mean 0 and, as a coordinate on a sphere, mean square 1/3.
    assert np.abs(matrices.mean(0)).max() < 0.04
    assert np.abs((matrices**2).mean(0) - 1 / 3).max() < 0.02


@given(seeds)
def test_stacks_of_any_shape_are_taken(seed: int) -> None:
    matrices = random_matrices(seed, 6).reshape(2, 3, 3, 3)
    angles = relion_angles_degrees(matrices)
    assert angles.shape == (2, 3, 3)
    np.testing.assert_allclose(relion_angles_degrees(matrices[1, 2]), angles[1, 2])
    np.testing.assert_allclose(matrix_from_relion_angles(angles), matrices, atol=1e-7)
