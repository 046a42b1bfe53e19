import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.paper.shape import (
    ATOM_RADIUS_ANGSTROM,
    projected_area_angstrom2,
    shape_of,
)
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion


def test_radius_of_gyration_of_two_atoms_is_half_their_distance() -> None:
    places = np.array([[0.0, 0, 0], [6.0, 0, 0]])
    assert shape_of(places, np.array([6, 6])).radius_of_gyration_angstrom == pytest.approx(3)


def test_heavy_atoms_weigh_more() -> None:
    places = np.array([[0.0, 0, 0], [6.0, 0, 0]])
    # p (1 - p) d^2 for shares p and 1 - p of the electrons.
    expected = np.sqrt(0.2 * 0.8) * 6
    found = shape_of(places, np.array([2, 8])).radius_of_gyration_angstrom
    assert found == pytest.approx(expected)


@given(st.integers(0, 1000), st.floats(1.0, 5.0))
def test_shape_does_not_depend_on_where_and_how_a_molecule_stands(seed: int, long: float) -> None:
    generator = np.random.default_rng(seed)
    places = generator.normal(size=(200, 3)) * [long, 1, 1]
    numbers = np.full(200, 6)
    turn = matrix_from_quaternion(uniform_quaternion(generator))
    at_rest, moved = shape_of(places, numbers), shape_of(places @ turn.T + 7, numbers)
    assert moved.aspect_ratio == pytest.approx(at_rest.aspect_ratio)
    assert moved.radius_of_gyration_angstrom == pytest.approx(at_rest.radius_of_gyration_angstrom)
    assert at_rest.aspect_ratio >= 1


def test_a_box_of_atoms_has_the_aspect_ratio_of_its_sides() -> None:
    axes = np.meshgrid(np.arange(30), np.arange(10), np.arange(10), indexing="ij")
    places = np.stack(axes, -1).reshape(-1, 3).astype(float)
    expected = np.sqrt((30**2 - 1) / (10**2 - 1))
    assert shape_of(places, np.full(3000, 6)).aspect_ratio == pytest.approx(expected)


def test_shadow_of_one_atom_is_its_disc() -> None:
    area = projected_area_angstrom2(np.zeros((1, 3)))
    assert area == pytest.approx(np.pi * ATOM_RADIUS_ANGSTROM**2, rel=0.05)


def test_shadow_does_not_grow_with_depth_and_adds_up_across() -> None:
    one = projected_area_angstrom2(np.zeros((1, 3)))
    behind = np.array([[0.0, 0, 0], [0, 0, 30]])
    beside = np.array([[0.0, 0, 0], [30, 0, 0]])
    assert projected_area_angstrom2(behind) == one
    assert projected_area_angstrom2(beside) == pytest.approx(2 * one)
