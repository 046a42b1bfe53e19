"""What the figures must show, whatever was evaluated."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from PIL import Image

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.evaluation.curves import MOST_BANDS, draw_frc
from diffragan.evaluation.figures import draw_figures
from diffragan.evaluation.gallery import _scale_bar, draw_gallery, gallery_items
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.per_view import draw_per_view
from diffragan.evaluation.style import NOT_MEASURED, PARTLY_MEASURED, figure_style, method_colours
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from tiny_data import TINY

LONG = "a method with a very long name that somebody handed in from another program"
EXPERIMENTS = {
    "paper": load_experiment("paper"),
    "quick": load_experiment("quick"),
    "tiny": TINY,
    "narrow": load_experiment("quick", overrides={"diffraction": {"max_angle_mrad": 6}}),
}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def with_methods(metrics: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The same scores under other names."""
    scores = metrics["methods"]["low-resolution"]
    return {**metrics, "methods": dict.fromkeys(names, scores)}


def in_experiment(metrics: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    limit = measured_limit(experiment)
    angstrom = {"axis": limit.axis_angstrom, "corner": limit.corner_angstrom}
    return {**metrics, "measured_limit_angstrom": {**angstrom, "judged": limit.judged_angstrom}}


def extents(texts: Sequence[Text], figure: Figure) -> list[Any]:
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    return [text.get_window_extent(renderer) for text in texts]


def test_files_are_pictures_of_a_page_s_size_that_name_methods_and_limits(
    tiny: TripletStore,
    tiny_low: PhasedStore,
    tiny_er: PhasedStore,
    tiny_metrics: dict[str, Any],
    tmp_path: Path,
) -> None:
    told = {
        "gallery": "truth",
        "frc": "whole rings to 1.26 Å",
        "per_view": "limit on the axes 1.26",
    }
    for drawn in draw_figures(tiny, [tiny_low, tiny_er], tiny_metrics, tmp_path):
        with Image.open(drawn.png) as picture:
            picture.load()
            assert min(picture.size) > 500
            assert max(picture.size) < 4000
            assert np.asarray(picture.convert("L")).std() > 5
        assert drawn.png.stat().st_size < 1_500_000
        # Words are drawn as outlines, so that they look alike everywhere; a comment spells each.
        svg = " ".join(re.findall("<!-- (.*?) -->", drawn.svg.read_text(encoding="utf-8")))
        for word in ("low-resolution", "er", told[drawn.name]):
            assert word in svg
        assert "low-resolution 6.15 Å, er " in drawn.alt


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_frc_marks_what_was_measured_in_part_and_not_at_all(
    tiny_metrics: dict[str, Any], name: str
) -> None:
    metrics = in_experiment(tiny_metrics, EXPERIMENTS[name])
    figure = draw_frc(metrics)
    ax = figure.axes[0]
    axis, corner = (1 / metrics["measured_limit_angstrom"][key] for key in ("axis", "corner"))
    regions = {p.get_facecolor(): p for p in ax.patches if isinstance(p, Rectangle)}
    partly, never = (regions[to_rgba(colour)] for colour in (PARTLY_MEASURED, NOT_MEASURED))
    assert (partly.get_x(), partly.get_x() + partly.get_width()) == pytest.approx((axis, corner))
    assert never.get_x() == pytest.approx(corner)
    assert ax.get_xlim() == pytest.approx((0, never.get_x() + never.get_width()))
    assert {f"whole rings to {1 / axis:.2f} Å", f"corners to {1 / corner:.2f} Å"} <= {
        *words(figure)
    }
    top = figure.axes[1]
    for place, label in zip(top.get_xticks(), top.get_xticklabels(), strict=True):
        assert place * float(label.get_text()) == pytest.approx(1)


def test_every_curve_lies_within_the_frame(tiny_metrics: dict[str, Any]) -> None:
    controls = {
        name: {**scores, "frc_mean": [-0.9] * len(scores["frc_mean"])}
        for name, scores in tiny_metrics["controls"].items()
    }
    ax = draw_frc({**tiny_metrics, "controls": controls}).axes[0]
    low, high = ax.get_ylim()
    for line in ax.get_lines():
        assert low < np.min(line.get_ydata())
        assert np.max(line.get_ydata()) < high


@pytest.mark.parametrize("count", [1, MOST_BANDS, MOST_BANDS + 1, 10])
def test_bands_are_drawn_where_they_can_be_told_apart(
    tiny_metrics: dict[str, Any], count: int
) -> None:
    metrics = with_methods(tiny_metrics, [f"method {i}" for i in range(count)])
    bands = draw_frc(metrics).axes[0].collections
    assert len(bands) == (count if count <= MOST_BANDS else 0)


@pytest.mark.parametrize("names", [[LONG], [f"{LONG} {i}" for i in range(10)]], ids=("one", "ten"))
def test_legend_leaves_room_for_the_curves_and_stays_on_the_page(
    tiny_metrics: dict[str, Any], names: list[str]
) -> None:
    with figure_style():
        figure = draw_frc(with_methods(tiny_metrics, names))
        (legend,) = extents(figure.legends, figure)
    page, frame = figure.bbox, figure.axes[0].get_window_extent()
    assert page.x0 <= legend.x0
    assert legend.x1 <= page.x1
    assert frame.height > 1.5 * figure.dpi


@pytest.mark.parametrize("names", [["one"], [f"a rather long method {i}" for i in range(10)]])
def test_labels_of_neighbouring_columns_do_not_touch(
    tiny_metrics: dict[str, Any], names: list[str]
) -> None:
    with figure_style():
        figure = draw_per_view(with_methods(tiny_metrics, names))
        labels = figure.axes[0].get_xticklabels()
        boxes = extents(labels, figure)
    assert len(labels) == len(names) + 1
    for left, right in pairwise(boxes):
        assert left.x1 < right.x0


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_views_that_fail_are_open_triangles_within_the_frame(
    tiny_metrics: dict[str, Any], name: str
) -> None:
    metrics = in_experiment(tiny_metrics, EXPERIMENTS[name])
    judged = metrics["measured_limit_angstrom"]["judged"]
    scores = metrics["methods"]["low-resolution"]
    views = {
        "resolution_per_view_angstrom": [judged, 9.0, 20.0, 20.0],
        "reaches_limit_per_view": [True, False, False, False],
        "starts_below_per_view": [False, False, True, True],
    }
    ax = draw_per_view({**metrics, "methods": {"mine": {**scores, **views}}}).axes[0]
    measured, fine, coarse = ax.collections[:3]
    assert [len(dots.get_offsets()) for dots in (measured, fine, coarse)] == [1, 1, 2]
    hollow = [(dots.get_facecolor()[0, :3] == 1).all() for dots in (measured, fine, coarse)]
    assert hollow == [False, True, True]
    bottom, top = ax.get_ylim()
    assert bottom > top  # finer is higher
    for dots in ax.collections:
        heights = np.asarray(dots.get_offsets())[:, 1]
        assert ((heights < bottom) & (heights > top)).all()


@pytest.mark.parametrize(
    ("items", "chosen"),
    [
        ([[3]], [3]),
        ([[0, 1, 2], [2, 1, 0]], [0, 1, 2]),
        ([[0, 1, 2, 3, 4], [4, 3, 9], [3, 4, 5]], [3, 4]),
        ([[7, 8], [1, 2], [8, 1]], [7, 8]),
        ([list(range(9))] * 10, [0, 2, 4, 6]),
    ],
)
def test_gallery_takes_views_common_to_all_methods(
    items: list[list[int]], chosen: list[int]
) -> None:
    assert gallery_items(items) == chosen


@pytest.mark.parametrize("count", [1, 10])
def test_gallery_has_a_column_for_each_method_and_a_row_for_each_view(
    tiny: TripletStore, tiny_low: PhasedStore, tiny_metrics: dict[str, Any], count: int
) -> None:
    names = [f"method {i}" for i in range(count)]
    figure = draw_gallery(tiny, [tiny_low] * count, with_methods(tiny_metrics, names))
    assert len(figure.axes) == (count + 3) * 4
    assert [ax.get_title() for ax in figure.axes[2:-1] if ax.get_title()][: count + 1] == [
        *names,
        "truth",
    ]
    assert "not phased" not in words(figure)
    for ax in figure.axes:
        box = ax.get_position()
        assert box.width * figure.get_figwidth() == pytest.approx(
            box.height * figure.get_figheight()
        )


def test_gallery_shows_the_two_views_both_methods_have(
    tiny: TripletStore, tiny_low: PhasedStore, tiny_er: PhasedStore, tiny_metrics: dict[str, Any]
) -> None:
    figure = draw_gallery(tiny, [tiny_low, tiny_er], tiny_metrics)
    assert len(figure.axes) == 2 * 5
    recovered = figure.axes[5 + 3].get_images()[0].get_array()
    stored = tiny_er.read("image", [1])[0]
    assert set(np.ravel(recovered)) <= set(stored.astype(float).ravel())


def test_gallery_says_which_views_a_method_did_not_phase(
    tiny: TripletStore, tiny_low: PhasedStore, tiny_er: PhasedStore, tiny_metrics: dict[str, Any]
) -> None:
    first = {**tiny_metrics["methods"]["low-resolution"], "items": [0, 2], "views": 2}
    metrics = {
        **tiny_metrics,
        "methods": {"low-resolution": first, "er": tiny_metrics["methods"]["er"]},
    }
    figure = draw_gallery(tiny, [tiny_low, tiny_er], metrics)
    assert words(figure).count("not phased") == 2


@pytest.mark.parametrize("box_angstrom", [10.0, 24.0, 70.0, 200.0, 900.0])
@pytest.mark.parametrize("half_width", [17, 40, 64])
def test_scale_bar_is_of_a_round_length_and_fits(box_angstrom: float, half_width: int) -> None:
    experiment = EXPERIMENTS["quick"].model_copy(update={"box_angstrom": box_angstrom})
    ax = Figure().add_subplot()
    _scale_bar(ax, experiment, 128, half_width)
    (label,) = ax.texts
    number, unit = label.get_text().split()
    angstrom = float(number) * {"nm": 10, "Å": 1}[unit]
    assert angstrom in {1, 2, 5, 10, 20, 50, 100, 200}
    left, right = ax.get_lines()[0].get_xdata()
    assert (right - left) * box_angstrom / 128 == pytest.approx(angstrom)
    side = 2 * half_width
    assert 0 < left < right < side
    assert right - left < 0.7 * side


def test_no_two_of_ten_methods_look_alike() -> None:
    known = ["hio", "raar", "er", "cgan", "low-resolution"]
    colours = method_colours([*known, *(f"mine-{i}" for i in range(5))])
    assert len(set(colours.values())) == 10
