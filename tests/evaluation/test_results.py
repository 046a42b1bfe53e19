import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.errors import InputError, MissingExtraError
from diffragan.evaluation.results import Results, read_results
from diffragan.io.files import write_json


@pytest.fixture
def results(tiny_metrics: dict[str, Any]) -> Results:
    return Results(tiny_metrics)


def test_curves_are_those_of_the_metrics(results: Results, tiny_metrics: dict[str, Any]) -> None:
    found = results.curves()
    scores = tiny_metrics["methods"]["er"]
    er = found.sel(phaser="er")
    np.testing.assert_array_equal(er["frc"], scores["frc_mean"])
    np.testing.assert_array_equal(er["wave_frc"], scores["wave_frc_mean"])
    np.testing.assert_array_equal(found["frequency"], scores["frequency_per_angstrom"])
    np.testing.assert_allclose(found["resolution"] * found["frequency"], 1)
    assert found["frc"].attrs["units"] == "1"
    assert found["frequency"].attrs["units"] == "angstrom-1"
    limit = found.attrs["measured_limit_on_axes_angstrom"]
    assert limit == tiny_metrics["measured_limit_angstrom"]["axis"]


def test_views_are_in_the_places_of_their_items(
    results: Results, tiny_metrics: dict[str, Any]
) -> None:
    found = results.views()
    assert found["item"].values.tolist() == list(range(8))
    scores = tiny_metrics["methods"]["er"]
    assert scores["items"] == [1, 6]
    er = found.sel(phaser="er")
    np.testing.assert_array_equal(er["ssim"].sel(item=[1, 6]), scores["ssim_per_view"])
    assert np.isnan(er["ssim"].sel(item=[0, 2, 3, 4, 5, 7])).all()
    assert np.isnan(found["r_free"]).all()
    assert not np.isnan(found["resolution"].sel(phaser="low-resolution")).any()


def test_controls_are_beside_the_methods(results: Results, tiny_metrics: dict[str, Any]) -> None:
    names = results.curves()["phaser"].values.tolist()
    assert names[: len(tiny_metrics["methods"])] == list(tiny_metrics["methods"])
    assert "true_moduli_random_phases" in names
    assert len(set(names)) == len(names)


def test_a_control_of_a_method_s_name_is_told_apart(tiny_metrics: dict[str, Any]) -> None:
    controls = {**tiny_metrics["controls"], "er": tiny_metrics["methods"]["er"]}
    found = Results({**tiny_metrics, "controls": controls})
    assert "control: er" in found.entries
    assert found.views().sizes["phaser"] == len(found.entries)


def test_jupyter_shows_a_table_and_escapes_names(tiny_metrics: dict[str, Any]) -> None:
    methods = {"<b>er</b>": tiny_metrics["methods"]["er"]}
    page = Results({**tiny_metrics, "methods": methods, "warnings": ["a <warning>"]})._repr_html_()
    assert "&lt;b&gt;er&lt;/b&gt;" in page
    assert "<b>er</b>" not in page
    assert "a &lt;warning&gt;" in page
    assert "low-resolution image alone" in page
    assert page.count("<tr>") == 2 + len(tiny_metrics["controls"])
    assert page.count("<td ") % page.count("<th ") == 0
    assert tiny_metrics["methods"]["er"]["verdict"] in page


def test_the_short_form_names_methods_and_resolutions(results: Results) -> None:
    assert "8 views" in repr(results)
    assert "er " in repr(results)
    assert len(repr(results)) < 200


def test_a_folder_is_read_or_refused(tiny_metrics: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no metrics\.json"):
        read_results(tmp_path)
    write_json(tmp_path / "metrics.json", tiny_metrics)
    found = read_results(str(tmp_path))
    assert str(tmp_path) in repr(found)
    assert found.curves().identical(Results(tiny_metrics).curves().sel(phaser=list(found.entries)))
    write_json(tmp_path / "metrics.json", {"methods": {}})
    with pytest.raises(InputError, match="names no version"):
        read_results(tmp_path)


def test_without_xarray_the_error_says_what_to_install(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'diffragan\[notebook\]'"):
        results.curves()
    assert "<table>" in results._repr_html_()
