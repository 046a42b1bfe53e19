"""Predicted resolutions held against the true ones: numbers, figure, page, words."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from diffragan.alignment import align
from diffragan.cli.main import run
from diffragan.evaluation.cautions import cautions
from diffragan.evaluation.figures import draw_figures
from diffragan.evaluation.paper.column import COLUMN_INCHES, column_style
from diffragan.evaluation.predicted_figure import MOST_NAMED, draw_predicted
from diffragan.evaluation.predictions import (
    expected_of_view,
    log_correlation,
    prediction_words,
    predicts,
)
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.report import write_report
from diffragan.evaluation.results import Results
from diffragan.evaluation.schema import SCHEMA_VERSION
from diffragan.evaluation.style import RASTER_DPI
from diffragan.io.phased import PREDICTED_FREQUENCY, PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.achieved import achieved_resolution, image_bands
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.evidence import BANDS_PER_UNIT
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.protocol import Observations, PhasedWaves, Prediction
from tiny_data import tiny_data

KEYS = {
    "predicted_resolution_per_view_angstrom",
    "predicted_resolution_interval_per_view_angstrom",
    "predicted_score_per_view",
    "resolution_in_bands_per_view_angstrom",
    "predicted_resolution_correlation",
    "predicted_resolution_inside_interval",
    "failed_views",
}
BANDS = 60


@dataclass
class Telling:
    """The low-resolution image, with a prediction that a test chooses for each item."""

    told: dict[int, float]
    shares: tuple[float, float] = (0.5, 2.0)
    failed: Sequence[int] = ()

    def predicted_frequencies(self, _observations: Observations) -> tuple[float, ...]:
        return tuple(band / BANDS_PER_UNIT for band in range(BANDS))

    def phase(self, observations: Observations) -> PhasedWaves:
        found = LowResolutionPhaser().phase(observations)
        items = observations.numbers
        resolution = torch.tensor([self.told[item] for item in items])
        prediction = Prediction(
            torch.full((len(items), BANDS), 0.25),
            torch.arange(BANDS) / BANDS_PER_UNIT,
            resolution,
            resolution[:, None] * torch.tensor(self.shares),
            torch.tensor([item in self.failed for item in items]),
        )
        return PhasedWaves(
            found.waves, found.images, found.energy_outside_support, prediction=prediction
        )


def phased_by(data: TripletStore, phaser: Telling, out: Path, items: Any = None) -> PhasedStore:
    return PhasedStore(phase_dataset(data, phaser, out, method="telling", settings={}, items=items))


def truly(data: TripletStore, store: PhasedStore) -> list[float]:
    """Resolution of each view, read here without the evaluation."""
    rows = store.read("source_item").tolist()
    images, true = torch.from_numpy(store.read("image")), data.read("high_resolution", rows)
    truth = torch.from_numpy(true)
    bands = image_bands(data.experiment, len(store.read(PREDICTED_FREQUENCY)))
    return achieved_resolution(align(images, truth).apply(images), truth, bands).tolist()


@pytest.fixture(scope="module")
def told(tiny: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    """Predictions that are 5 % too coarse, for items in another order; two views failed."""
    folder = tmp_path_factory.mktemp("told")
    items = [6, 1, 0, 5, 3]
    true = dict(zip(items, truly(tiny, phased_by(tiny, Telling(dict.fromkeys(items, 5.0)),
        folder / "first.zarr", items)), strict=True))  # fmt: skip
    phaser = Telling({item: 1.05 * value for item, value in true.items()}, failed=[1, 5])
    return phased_by(tiny, phaser, folder / "told.zarr", items)


@pytest.fixture(scope="module")
def judged(
    tiny: TripletStore,
    told: PhasedStore,
    tiny_low: PhasedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("judged")
    return out, evaluate(tiny, [tiny_low, told], out, control_views=0, protocol="paper")


def test_predictions_are_held_against_the_views_they_are_of(
    tiny: TripletStore, told: PhasedStore, judged: tuple[Path, dict[str, Any]]
) -> None:
    method = judged[1]["methods"]["telling"]
    assert method["items"] == [0, 1, 3, 5, 6]
    true = dict(zip(told.read("source_item").tolist(), truly(tiny, told), strict=True))
    found = dict(zip(method["items"], method["resolution_in_bands_per_view_angstrom"], strict=True))
    assert found == pytest.approx(true, rel=1e-4)
    predicted = np.asarray(method["predicted_resolution_per_view_angstrom"])
    np.testing.assert_allclose(predicted, [1.05 * true[i] for i in method["items"]], rtol=1e-4)
    np.testing.assert_allclose(
        method["predicted_resolution_interval_per_view_angstrom"], np.outer(predicted, (0.5, 2.0))
    )
    assert method["predicted_score_per_view"] == pytest.approx([0.25] * 5)
    assert method["predicted_resolution_correlation"] == pytest.approx(1, abs=1e-6)
    assert method["predicted_resolution_inside_interval"] == 1
    assert method["failed_views"] == [1, 5]


def test_bands_and_rings_agree_about_a_view(judged: tuple[Path, dict[str, Any]]) -> None:
    method = judged[1]["methods"]["telling"]
    in_bands = 1 / np.asarray(method["resolution_in_bands_per_view_angstrom"])
    in_rings = 1 / np.asarray(method["resolution_per_view_angstrom"])
    # The box of 24 Å has rings 2.5 bands apart.
    assert np.median(np.abs(in_bands - in_rings)) < 1 / 24


def test_the_schema_stays_and_other_methods_have_none_of_it(
    judged: tuple[Path, dict[str, Any]],
) -> None:
    out, metrics = judged
    written = json.loads((out / "metrics.json").read_text())
    assert written["schema_version"] == SCHEMA_VERSION == 3
    assert set(written["methods"]["telling"]) >= KEYS
    low = written["methods"]["low-resolution"]
    assert not predicts(low)
    assert not KEYS & set(low)
    assert set(written["methods"]["telling"]) - KEYS == set(low)
    page = Path("docs/evaluation.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"`{key}`" in page
    views = Results(metrics).views()["predicted_resolution"]
    assert not np.isnan(views.sel(phaser="telling", item=[0, 1, 3, 5, 6])).any()
    assert np.isnan(views.sel(phaser="low-resolution")).all()


def test_what_lies_outside_its_interval_is_counted_and_warned_of(
    tiny: TripletStore, tmp_path: Path
) -> None:
    items = range(8)
    phaser = Telling(dict.fromkeys(items, 1.3), shares=(0.9, 1.1))
    store = phased_by(tiny, phaser, tmp_path / "told.zarr")
    metrics = evaluate(tiny, [store], tmp_path, control_views=0, protocol="paper")
    method = metrics["methods"]["telling"]
    assert method["predicted_resolution_inside_interval"] == 0
    assert method["predicted_resolution_correlation"] is None
    assert "They are too few or too alike for a correlation" in prediction_words("telling", method)
    # Of eight views that says little.
    assert not any("stated" in words for words in metrics["warnings"])
    metrics["methods"]["telling"] = {**method, "views": 20}
    assert "cannot be trusted" in " ".join(cautions(metrics))


@given(st.lists(st.floats(1.0, 12.0), min_size=3, max_size=20, unique=True), st.floats(0.5, 2.0))
def test_a_common_factor_changes_no_correlation(values: list[float], factor: float) -> None:
    first = np.asarray(values)
    found = log_correlation(first, factor * first)
    if np.ptp(np.log(first)) > 1e-6:
        assert found == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second"), [([2.0, 3.0], [2.0, 3.0]), ([2.0] * 4, [1.0, 2.0, 3.0, 4.0]), ([], [])]
)
def test_too_few_or_equal_views_have_no_correlation(
    first: list[float], second: list[float]
) -> None:
    assert log_correlation(np.asarray(first), np.asarray(second)) is None


def test_words_say_how_far_to_trust(judged: tuple[Path, dict[str, Any]]) -> None:
    method = judged[1]["methods"]["telling"]
    words = prediction_words("telling", method)
    assert words.startswith("telling predicted the resolution of 5 views without the truth. ")
    assert "true resolution correlate by 1.00 (of logarithms), and 100 % of the views" in words
    assert "stated to hold 90 %. It called 2 failed; truly they reach " in words
    assert "It called none of them failed." in prediction_words(
        "telling", {**method, "failed_views": []}
    )
    one = expected_of_view(method, 5)
    assert re.fullmatch(r"failed; expected \d+\.\d\d Å, \d+\.\d\d to \d+\.\d\d", one)
    assert "failed" not in expected_of_view(method, 6)


def many(views: int, proteins: int, failed: Sequence[int] = ()) -> tuple[dict[str, Any], list[str]]:
    generator = np.random.default_rng(0)
    predicted = np.exp(generator.uniform(np.log(1.2), np.log(8), views))
    method = {
        "items": list(range(views)),
        "predicted_resolution_per_view_angstrom": predicted,
        "resolution_in_bands_per_view_angstrom": predicted * generator.uniform(0.8, 1.2, views),
        "predicted_resolution_interval_per_view_angstrom": np.outer(predicted, (0.7, 1.4)),
        "failed_views": list(failed),
    }
    return method, [f"protein {place % proteins}" for place in range(views)]


@pytest.mark.parametrize(
    ("views", "proteins"), [(1, 1), (6, 3), (60, MOST_NAMED), (60, MOST_NAMED + 1), (900, 14)]
)
def test_every_view_is_a_point_inside_the_frame_and_words_are_on_the_page(
    views: int, proteins: int
) -> None:
    with column_style():
        figure = draw_predicted(*many(views, proteins, failed=[0]))
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
    ax = figure.axes[0]
    points = np.concatenate([np.asarray(c.get_offsets()) for c in ax.collections
        if hasattr(c, "get_sizes") and len(c.get_offsets())])  # fmt: skip
    drawn = [point for point in points if np.all(point > 0)]
    assert len(drawn) >= views
    (right, left), (bottom, top) = sorted(ax.get_xlim()), ax.get_ylim()
    assert ax.get_xlim() == pytest.approx((left, right))
    assert bottom > top
    assert (np.asarray(drawn) > top).all()
    assert (np.asarray(drawn) < bottom).all()
    assert len([tick for tick in ax.get_xticks() if right <= tick <= left]) >= 2
    (legend,) = figure.legends
    named = [text.get_text() for text in legend.get_texts()]
    assert {"stated interval", "failed"} <= set(named)
    assert len(named) == 2 + (proteins if 1 < proteins <= MOST_NAMED else 0)
    box, page = legend.get_window_extent(renderer), figure.bbox
    assert page.x0 <= box.x0
    assert box.x1 <= page.x1
    assert figure.get_figwidth() == pytest.approx(COLUMN_INCHES)


def test_the_page_shows_figure_words_and_each_view_s_prediction(
    tiny: TripletStore,
    told: PhasedStore,
    tiny_low: PhasedStore,
    judged: tuple[Path, dict[str, Any]],
) -> None:
    out, metrics = judged
    figures = draw_figures(tiny, [tiny_low, told], metrics, out)
    (drawn,) = [figure for figure in figures if figure.name == "predicted"]
    with Image.open(drawn.png) as picture:
        assert picture.width == round(COLUMN_INCHES * RASTER_DPI)
    assert drawn.svg.is_file()
    page = write_report(metrics, figures, out, "Told").read_text(encoding="utf-8")
    words = "telling predicted the resolution of 5 views without the truth"
    assert f"<p>{words}" in page
    assert page.index('id="predictions"') < page.index('id="methods"')
    assert ">expected Å</th>" in page
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    gallery = json.loads(data)["gallery"]["views"]
    for view in gallery:
        assert set(view["expected"]) == {"telling"}
        assert view["expected"]["telling"].startswith(("expected ", "failed; expected "))
    methods = {m["name"]: m for m in json.loads(data)["orientations"]["methods"]}
    assert methods["low-resolution"]["expected"] is None
    assert [v is None for v in methods["telling"]["expected"]] == [
        item not in {0, 1, 3, 5, 6} for item in range(8)
    ]
    # Again from the folder alone, without the stores.
    assert run(["report", str(out)]) == 0
    assert (out / "report.html").read_text(encoding="utf-8") == page


def test_a_single_view_is_judged_drawn_and_reported(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "one.zarr", orientations=1)
    store = phased_by(data, Telling({0: 3.0}, failed=[0]), tmp_path / "told.zarr")
    metrics = evaluate(data, [store], tmp_path, protocol="paper")
    figures = draw_figures(data, [store], metrics, tmp_path)
    text = write_report(metrics, figures, tmp_path, "One").read_text(encoding="utf-8")
    assert "telling predicted the resolution of 1 view without the truth" in text
    assert metrics["methods"]["telling"]["failed_views"] == [0]
