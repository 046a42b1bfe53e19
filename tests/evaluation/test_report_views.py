"""Pictures of views for the page: which views, how they look, and how much room they take."""

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from diffragan.evaluation.metrics import image_frc, measured_limit
from diffragan.evaluation.view_pictures import (
    NOT_MEASURED_GREY,
    image_picture,
    pattern_picture,
    scale_bar_angstrom,
)
from diffragan.evaluation.views import (
    MOST_VIEWS,
    MOST_VIEWS_OF_A_MOLECULE,
    View,
    chosen_items,
    embedded,
    read_views,
    write_views,
)
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.rotations import matrix_from_quaternion


@pytest.fixture(scope="module")
def written(
    tiny: TripletStore,
    tiny_low: PhasedStore,
    tiny_er: PhasedStore,
    tiny_metrics: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("views")
    write_views(tiny, [tiny_low, tiny_er], tiny_metrics, out)
    views = read_views(out)
    assert views is not None
    return views


def opened(picture: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(picture))).convert("L")).astype(float)


def test_every_view_has_the_pictures_of_those_who_phased_it(written: dict[str, Any]) -> None:
    usual = {"diffraction", "low resolution", "truth", "method low-resolution"}
    # er phased items 1 and 6 only, and of each molecule these are shared by both methods.
    assert [view["item"] for view in written["views"]] == [1, 6]
    for view in written["views"]:
        assert set(view["pictures"]) == usual | {"method er"}
        assert set(view["frc"]) == {"low-resolution", "er"}


def test_a_picture_is_the_image_with_its_first_row_below(
    written: dict[str, Any], tiny: TripletStore
) -> None:
    view = written["views"][0]
    true = tiny.read("high_resolution", [view["item"]])[0]
    shown = opened(view["pictures"]["truth"])
    half = len(shown) // 2
    middle = true.shape[-1] // 2
    cut = true[middle - half : middle + half, middle - half : middle + half][::-1]
    assert np.corrcoef(shown.ravel(), cut.ravel())[0, 1] > 0.98
    assert 0 < view["bar"]["share"] <= 1 / 3


def test_a_view_s_curve_is_that_of_its_image(
    written: dict[str, Any], tiny: TripletStore, tiny_low: PhasedStore
) -> None:
    limit = measured_limit(tiny.experiment)
    for view in written["views"]:
        pair = (
            tiny_low.read("image", [view["item"]]),
            tiny.read("high_resolution", [view["item"]]),
        )
        curve = image_frc(*map(torch.from_numpy, pair), limit.rings)[0]
        np.testing.assert_allclose(view["frc"]["low-resolution"], curve, atol=1e-4)


def test_the_globe_has_the_beam_s_direction_in_the_molecule_s_frame(
    written: dict[str, Any], tiny: TripletStore
) -> None:
    turned = matrix_from_quaternion(tiny.read("orientation", written["items"]))
    for direction, matrix in zip(written["beam_direction"], turned, strict=True):
        np.testing.assert_allclose(matrix @ direction, [0, 0, 1], atol=1e-3)


@given(
    molecules=st.integers(1, 200), each=st.integers(1, 30), shared=st.sampled_from(["all", "none"])
)
def test_views_are_of_every_molecule_and_never_too_many(
    molecules: int, each: int, shared: str
) -> None:
    owner = {item: item // each for item in range(molecules * each)}
    items = list(owner)
    halves = [items, items] if shared == "all" else [items[::2], items[1::2]]
    chosen = chosen_items({"a": halves[0], "b": halves[1]}, owner)
    flat = [item for of_molecule in chosen.values() for item in of_molecule]
    assert len(flat) == len(set(flat)) <= MOST_VIEWS
    if molecules <= MOST_VIEWS:
        assert list(chosen) == list(range(molecules))
    for molecule, of_molecule in chosen.items():
        assert 1 <= len(of_molecule) <= MOST_VIEWS_OF_A_MOLECULE
        assert {owner[item] for item in of_molecule} == {molecule}


def test_views_that_all_methods_phased_come_first() -> None:
    chosen = chosen_items({"a": [0, 1, 2, 3], "b": [2, 5]}, dict.fromkeys(range(6), 0))
    assert chosen == {0: [2]}


@pytest.mark.parametrize("most_bytes", [400_000, 60_000])
def test_pictures_fit_into_the_room_they_are_given(most_bytes: int) -> None:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (12, 200, 200)).astype(np.uint8)
    views = [View(i, 0, 40.0, {"diffraction": grey}, {}) for i, grey in enumerate(noise)]
    files = [b64decode(view["pictures"]["diffraction"]) for view in embedded(views, most_bytes)]
    assert sum(map(len, files)) <= most_bytes


def test_a_pattern_is_dark_where_electrons_arrive_and_grey_where_none_were_counted() -> None:
    pattern = np.full((8, 8), 1e-6)
    pattern[1, 5] = 1e-2
    measured = np.ones((8, 8), dtype=bool)
    measured[4, 4] = False
    grey = pattern_picture(pattern, measured)
    # The first row of a picture is the last of the pattern.
    assert grey[6, 5] == 0
    assert grey[3, 4] == NOT_MEASURED_GREY
    assert grey[0, 0] > 200


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_pictures_without_contrast_are_pictures_all_the_same(value: float) -> None:
    flat = np.full((8, 8), value)
    assert image_picture(flat, 4, 0.1).shape == (8, 8)
    assert pattern_picture(flat, np.ones((8, 8), dtype=bool)).shape == (8, 8)
    assert pattern_picture(flat, np.zeros((8, 8), dtype=bool)).min() == NOT_MEASURED_GREY


@pytest.mark.parametrize(("side", "bar"), [(2, 1), (40, 10), (70, 20), (1000, 200)])
def test_a_scale_bar_is_round_and_a_third_at_most(side: float, bar: int) -> None:
    assert scale_bar_angstrom(side) == bar


def test_an_evaluation_without_pictures_has_none(tmp_path: Path) -> None:
    assert read_views(tmp_path) is None
