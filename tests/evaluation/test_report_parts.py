"""What the page is filled with: scale, intervals, curves, table of proteins, maps."""

import json
import zlib
from base64 import b64decode
from typing import Any

import numpy as np
import pytest

from diffragan.evaluation.first_screen import resolution_scale, tone, verdict_rows
from diffragan.evaluation.page_curves import appearance, frc_chart, fsc_chart
from diffragan.evaluation.page_data import page_data
from diffragan.evaluation.protein_rows import protein_table
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.style import lighter
from diffragan.evaluation.verdict import IGNORES, NOT_BETTER, USES
from diffragan.evaluation.volume import pack_volume


def test_the_scale_is_logarithmic_and_finer_is_further(tiny_metrics: dict[str, Any]) -> None:
    limit = {"axis": 2.0, "corner": 1.25, "judged": 1.25}
    scale = resolution_scale({**tiny_metrics, "measured_limit_angstrom": limit})
    places = {tick["text"]: tick["at"] for tick in scale["ticks"]}
    assert places["20"] == 0
    assert places["5"] == pytest.approx(50)
    assert scale["limit"] == pytest.approx(100 * np.log(10) / np.log(16), abs=0.01)


def test_rows_place_resolutions_and_their_intervals(tiny_metrics: dict[str, Any]) -> None:
    method = {
        **tiny_metrics["methods"]["er"],
        "resolution_frc_0p5_angstrom": 5.0,
        "resolution_interval_angstrom": [4.0, 6.0],
        "resolution_interval_over_proteins_angstrom": None,
    }
    row, floor = verdict_rows({**tiny_metrics, "methods": {"er": method}})
    assert row["from"] < row["at"] < row["to"] <= 100
    assert row["interval"] == "4.00 to 6.00 Å"
    assert floor["tone"] == "control"
    method["resolution_interval_over_proteins_angstrom"] = [3.0, 8.0]
    row, _ = verdict_rows({**tiny_metrics, "methods": {"er": method}})
    assert row["interval"] == "3.00 to 8.00 Å"


def test_a_single_view_has_no_interval(tiny_metrics: dict[str, Any]) -> None:
    method = {**tiny_metrics["methods"]["er"], "resolution_interval_angstrom": None}
    method.pop("resolution_interval_over_proteins_angstrom", None)
    row, _ = verdict_rows({**tiny_metrics, "methods": {"er": method}})
    assert row["interval"] == ""
    assert row["from"] is None


def test_only_one_verdict_is_good_and_faults_are_bad() -> None:
    assert (tone(USES), tone(NOT_BETTER), tone(IGNORES)) == ("good", "even", "bad")
    assert tone("returns another picture") == "bad"


def test_the_chart_has_a_curve_of_each_result(tiny_metrics: dict[str, Any]) -> None:
    chart = frc_chart(tiny_metrics)
    labels = [series["label"] for series in chart["series"]]
    assert labels[:2] == list(tiny_metrics["methods"])
    assert "low-resolution image alone" in labels
    assert any("wrong pattern" in label for label in labels)
    lengths = {len(series["values"]) for series in chart["series"]}
    assert lengths == {len(chart["frequency"])}
    assert 1 / chart["limit"]["corner"] < chart["end"]
    json.dumps(chart, allow_nan=False)


def test_a_value_that_is_not_finite_is_a_gap(tiny_metrics: dict[str, Any]) -> None:
    method = {**tiny_metrics["methods"]["er"]}
    method["frc_mean"] = [float("nan"), None, *method["frc_mean"][2:]]
    method["frc_std"] = None
    series = frc_chart({**tiny_metrics, "methods": {"er": method}})["series"][0]
    assert series["values"][:2] == [None, None]


def test_methods_differ_by_more_than_their_colour() -> None:
    looks = appearance(["hio", "er", "cgan", "raar", "mine"])
    assert len({look["colour"] for look in looks.values()}) == 5
    assert len({look["shape"] for look in looks.values()}) == 5


def test_colours_on_a_dark_ground_are_lighter() -> None:
    assert lighter("#000000") == "#737373"
    assert lighter("#FFFFFF") == "#FFFFFF"


def views_of(tiny_metrics: dict[str, Any]) -> dict[str, Any]:
    items = tiny_metrics["methods"]["low-resolution"]["items"]
    return {
        "items": items,
        "molecule_of_item": [item // 4 for item in items],
        "beam_direction": [[0, 0, 1]] * len(items),
        "molecules": ["alpha", "beta"],
        "rings": [],
        "frequency_per_angstrom": [0.1],
        "views": [],
    }


def test_the_table_of_proteins_has_medians_of_their_own_views(
    tiny_metrics: dict[str, Any],
) -> None:
    table = protein_table(tiny_metrics, views_of(tiny_metrics))
    assert [row[0]["text"] for row in table["rows"]] == ["alpha", "beta"]
    width = len(table["headings"]) + sum(map(len, table["scores"].values()))
    assert {len(row) for row in table["rows"]} == {width}
    found = tiny_metrics["methods"]["low-resolution"]["resolution_per_view_angstrom"]
    first = len(table["headings"])
    assert table["rows"][0][first]["order"] == pytest.approx(np.median(found[:4]))
    assert table["rows"][1][first]["order"] == pytest.approx(np.median(found[4:]))


def test_a_protein_that_a_method_left_out_has_no_number(tiny_metrics: dict[str, Any]) -> None:
    views = views_of(tiny_metrics)
    views["molecule_of_item"] = [int(item == 0) for item in views["items"]]
    row = protein_table(tiny_metrics, views)["rows"][1]
    assert [cell["text"] for cell in row[-3:]] == ["not phased", "", ""]
    assert row[-3]["order"] == ""


def test_a_median_that_is_a_bound_is_marked_as_one(tiny_metrics: dict[str, Any]) -> None:
    method = {**tiny_metrics["methods"]["low-resolution"]}
    method["resolution_per_view_angstrom"] = [18.4, 18.4, 18.4, 5.0, 2.0, 2.0, 2.0, 5.0]
    method["starts_below_per_view"] = [True] * 3 + [False] * 5
    method["reaches_limit_per_view"] = [False] * 4 + [True] * 3 + [False]
    table = protein_table({**tiny_metrics, "methods": {"m": method}}, views_of(tiny_metrics))
    assert [row[-3]["text"] for row in table["rows"]] == ["> 18", "≤ 2.00"]


def test_without_pictures_there_is_no_gallery_and_no_globe(tiny_metrics: dict[str, Any]) -> None:
    data = page_data(tiny_metrics, None, [])
    assert data["gallery"] is None
    assert data["orientations"] is None
    assert protein_table(tiny_metrics, None)["rows"] == []


def test_directions_have_a_resolution_or_a_gap(tiny_metrics: dict[str, Any]) -> None:
    data = page_data(tiny_metrics, views_of(tiny_metrics), [])["orientations"]
    of_method = {one["name"]: one["resolution"] for one in data["methods"]}
    assert None not in of_method["low-resolution"]
    assert [i for i, value in enumerate(of_method["er"]) if value is not None] == [1, 6]
    assert data["best"] in of_method
    for one in data["methods"]:
        method = tiny_metrics["methods"][one["name"]]
        for item, below in zip(method["items"], method["starts_below_per_view"], strict=True):
            assert (one["bounds"].get(str(item)) == ">") == below


def map_of(volume: np.ndarray, **fsc: Any) -> Reconstruction:
    return Reconstruction("m", volume.astype(np.float32), 0.5, fsc)


def test_a_packed_map_is_its_middle_in_eight_bits() -> None:
    volume = np.zeros((40, 40, 40))
    volume[16:24, 17:23, 15:26] = 1 + np.arange(11) / 10
    packed = pack_volume(map_of(volume))
    stored = packed.embedded()
    raw = zlib.decompress(b64decode(stored["deflated"]))
    grey = np.frombuffer(raw, np.uint8).reshape((stored["side"],) * 3)
    np.testing.assert_array_equal(grey, packed.grey)
    low, high = packed.lowest_sigma, packed.highest_sigma
    back = (low + grey / 255 * (high - low)) * volume.std() + volume.mean()
    start = 20 - len(grey) // 2
    part = slice(start, start + len(grey))
    np.testing.assert_allclose(back, volume[part, part, part], atol=2.1 / 255)
    assert low < packed.level_sigma < high


def test_a_large_map_is_shrunk_by_a_whole_factor_and_keeps_its_mean() -> None:
    generator = np.random.default_rng(0)
    volume = generator.random((48, 48, 48)) + 1
    packed = pack_volume(map_of(volume), most_voxels=20)
    assert packed.grey.shape == (16, 16, 16)
    assert packed.voxel_angstrom == 1.5
    assert abs(packed.grey.mean() / 255 - 0.5) < 0.1


@pytest.mark.parametrize("value", [0.0, 2.0])
def test_a_map_without_contrast_is_packed_all_the_same(value: float) -> None:
    assert pack_volume(map_of(np.full((8, 8, 8), value))).grey.max() == 0


def test_a_map_of_another_program_has_no_shells() -> None:
    assert fsc_chart("m", {}) is None
    fsc = {"frequency_per_angstrom": [0, 0.1, 0.2], "fsc_half_maps": [1, 0.9, 0.1]}
    chart = fsc_chart("m", {**fsc, "resolution_fsc_0p143_angstrom": 5.2})
    assert chart is not None
    assert [series["resolution"] for series in chart["series"]] == ["5.20 Å"]
