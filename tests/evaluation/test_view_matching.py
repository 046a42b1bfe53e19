"""Particles are matched with views by molecule and orientation."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.errors import InputError
from diffragan.evaluation.view_matching import match_views
from diffragan.io.star import ParticleOptics, Particles
from diffragan.io.star_tables import PLAIN_WORD
from diffragan.phasing.particles import micrograph_name
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion

STAR = Path("theirs.star")
OPTICS = ParticleOptics(200.0, 0.0, 0.0, 1.0, 10)


class Views:
    """As much of a data set as matching reads."""

    def __init__(self, owner: list[int], quaternions: np.ndarray, names: list[str]) -> None:
        self._arrays = {"structure": np.array(owner), "orientation": quaternions}
        attributes = {"structures": [{"name": name} for name in names]}
        self.store = SimpleNamespace(attributes=attributes, path=Path("data.zarr"))

    def read(self, name: str) -> np.ndarray:
        return self._arrays[name]


def quaternions(count: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([uniform_quaternion(generator) for _ in range(count)])


def particles(turns: np.ndarray, **extra: tuple[str, ...]) -> Particles:
    count = len(turns)
    rotations = matrix_from_quaternion(turns)
    return Particles(OPTICS, ("s.mrcs",) * count, np.arange(count), rotations, None, extra)


@given(seed=st.integers(0, 200), count=st.integers(1, 30))
def test_any_order_and_part_is_found(seed: int, count: int) -> None:
    turns = quaternions(count, seed)
    order = np.random.default_rng(seed).permutation(count)[: 1 + count // 2]
    views: Any = Views([0] * count, turns, ["alpha"])
    # The sign of a quaternion says nothing.
    assert match_views(views, particles(-turns[order]), STAR) == order.tolist()


def test_names_tell_molecules_of_one_orientation_apart() -> None:
    turns = quaternions(3)
    views: Any = Views([0, 0, 0, 1, 1, 1], np.concatenate([turns, turns]), ["alpha", "beta"])
    named = {"rlnMicrographName": ("beta.mrc", "run/alpha.mrc", "beta.mrc")}
    assert match_views(views, particles(turns, **named), STAR) == [3, 1, 5]
    with pytest.raises(InputError, match=r"orientation of the items [03] and [03]; add the column"):
        match_views(views, particles(turns), STAR)


def test_a_molecule_without_views_is_told() -> None:
    turns = quaternions(2)
    views: Any = Views([0, 0], turns, ["alpha", "beta"])
    with pytest.raises(InputError, match=r"particles of beta, of which data\.zarr has no views"):
        match_views(views, particles(turns, rlnMicrographName=("beta", "beta")), STAR)


@pytest.mark.parametrize("name", ["with blank", "data_x", "v2.1", "'quoted'", "_odd"])
def test_any_name_survives_a_star_file(name: str) -> None:
    turns = quaternions(2)
    views: Any = Views([0, 1], np.concatenate([turns[:1]] * 2), ["alpha", name])
    column = (micrograph_name(name), "alpha")
    assert all(PLAIN_WORD.fullmatch(word) for word in column)
    found = match_views(views, particles(turns[[0, 0]], rlnMicrographName=column), STAR)
    assert found == [1, 0]
