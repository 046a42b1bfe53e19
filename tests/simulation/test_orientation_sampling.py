import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.specimen import OrientationSettings
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.simulation.orientations import random_pose
from diffragan.simulation.sampling import (
    concentration,
    draw_direction,
    draw_orientation,
    orientation_along,
)
from diffragan.structures.prepared import PreparedStructure

DRAWS = 4000


def unit(values: tuple[float, float, float]) -> np.ndarray:
    return np.array(values) / np.linalg.norm(values)


def beams(settings: OrientationSettings, draws: int = DRAWS) -> np.ndarray:
    """Beam directions in the molecule's frame."""
    generator = np.random.default_rng(3)
    matrices = [matrix_from_quaternion(draw_orientation(settings, generator)) for _ in range(draws)]
    return np.stack(matrices)[:, 2]


@given(
    azimuth=st.floats(-np.pi, np.pi),
    height=st.floats(-1, 1),
    in_plane=st.floats(-180, 180),
)
def test_an_orientation_brings_its_direction_along_the_beam(
    azimuth: float, height: float, in_plane: float
) -> None:
    across = np.sqrt(1 - height**2)
    direction = np.array([across * np.cos(azimuth), across * np.sin(azimuth), height])
    matrix = matrix_from_quaternion(orientation_along(direction, in_plane))
    assert matrix @ direction == pytest.approx([0, 0, 1], abs=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1)


@pytest.mark.parametrize("kappa", [0.3, 4.0, 60.0, 3000.0])
def test_directions_have_the_mean_cosine_of_the_distribution(kappa: float) -> None:
    axis, generator = unit((1, -2, 0.5)), np.random.default_rng(1)
    drawn = np.stack([draw_direction(axis, kappa, generator) for _ in range(DRAWS)])
    expected = 1 / np.tanh(kappa) - 1 / kappa
    error = 4 * np.sqrt(max(1 - expected**2, 0) / DRAWS)
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(1)
    assert (drawn @ axis).mean() == pytest.approx(expected, abs=error)
    mean = drawn.mean(0)
    assert np.linalg.norm(mean - (mean @ axis) * axis) < 3 / np.sqrt(DRAWS)


@pytest.mark.parametrize("spread", [2.0, 10.0])
def test_the_tilt_has_the_spread_asked_for(spread: float) -> None:
    settings = OrientationSettings(preferred_axis=(0, 0, 2), spread_degrees=spread)
    tilts = np.rad2deg(np.arcsin(beams(settings)[:, :2]))
    assert tilts.std(0) == pytest.approx([spread, spread], rel=0.05)


def test_a_wide_spread_tends_to_uniform() -> None:
    generator = np.random.default_rng(2)
    drawn = np.stack([draw_direction(unit((0, 1, 1)), 1e-6, generator) for _ in range(DRAWS)])
    assert np.abs(drawn.mean(0)).max() < 4 / np.sqrt(3 * DRAWS)
    assert drawn.T @ drawn / DRAWS == pytest.approx(np.eye(3) / 3, abs=0.03)


def test_the_angle_in_the_image_plane_is_uniform() -> None:
    settings = OrientationSettings(preferred_axis=(1, 0, 0), spread_degrees=5)
    generator = np.random.default_rng(4)
    matrices = np.stack(
        [matrix_from_quaternion(draw_orientation(settings, generator)) for _ in range(DRAWS)]
    )
    angles = np.arctan2(matrices[:, 1, 1], matrices[:, 0, 1])  # of the molecule's y in the image
    for order in (1, 2, 3):
        assert abs(np.exp(1j * order * angles).mean()) < 4 / np.sqrt(DRAWS)


def test_only_a_share_prefers_the_axis() -> None:
    settings = OrientationSettings(
        preferred_axis=(0, 0, 1), spread_degrees=1, preferring_fraction=0.25
    )
    close = (beams(settings)[:, 2] > np.cos(np.deg2rad(6))).mean()
    assert close == pytest.approx(0.25, abs=0.03)


def test_both_sides_are_seen_alike() -> None:
    settings = OrientationSettings(preferred_axis=(0, 0, 1), spread_degrees=1, both_sides=True)
    upward = beams(settings)[:, 2]
    assert np.abs(upward).min() > 0.99
    assert (upward > 0).mean() == pytest.approx(0.5, abs=0.04)


def test_no_axis_gives_the_same_poses_as_before(villin: PreparedStructure) -> None:
    for settings in (None, OrientationSettings()):
        pose = random_pose(villin.model, np.random.default_rng(5), settings)
        assert pose.quaternion == pytest.approx(uniform_quaternion(np.random.default_rng(5)))


def test_a_preferred_pose_is_centred(villin: PreparedStructure) -> None:
    settings = OrientationSettings(preferred_axis=(0, 1, 0), spread_degrees=1)
    pose = random_pose(villin.model, np.random.default_rng(0), settings)
    matrix = matrix_from_quaternion(pose.quaternion)
    assert (matrix @ [0, 1, 0])[2] > 0.99
    turned = villin.model.positions.double().numpy() @ matrix.T + pose.shift
    assert turned.max(0) + turned.min(0) == pytest.approx([0, 0, 0], abs=1e-5)


def test_the_concentration_is_one_over_the_square() -> None:
    assert concentration(np.rad2deg(0.1)) == pytest.approx(100)
