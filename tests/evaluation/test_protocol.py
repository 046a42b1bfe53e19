import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from perturbed_truth import PERTURBED, PERTURBED_FROM_ANGSTROM

from diffragan.errors import InputError
from diffragan.evaluation.inputs import method_names
from diffragan.evaluation.judging import spread
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.verdict import NOT_TESTED, RETURNS_IMAGE
from diffragan.evaluation.wrong_diffraction import ANOTHER_ORIENTATION
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore

Evaluation = tuple[Path, dict[str, Any], list[PhasedStore]]

METHOD_KEYS = {
    "frequency_per_angstrom", "frc_mean", "frc_std", "measured_frc_mean",
    "wave_frc_mean", "measured_resolution_frc_0p5_angstrom",
    "resolution_frc_0p5_angstrom", "resolution_reaches_limit", "resolution_per_view_angstrom",
    "ssim_mean", "ssim_per_view", "r_factor_mean", "views", "controls", "verdict",
}  # fmt: skip
TOP_KEYS = {"methods", "controls", "measured_limit_angstrom", "data", "provenance", "verdict_rule"}


def test_file_holds_what_is_returned_and_every_key(evaluation: Evaluation) -> None:
    out, metrics, _ = evaluation
    text = (out / "metrics.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text) == json.loads(json.dumps(metrics))
    assert set(metrics) >= TOP_KEYS
    assert set(metrics["measured_limit_angstrom"]) >= {"axis", "corner"}
    for method in metrics["methods"].values():
        assert set(method) >= METHOD_KEYS
        assert len(method["frc_mean"]) == len(method["frequency_per_angstrom"])
        assert method["views"] == len(method["ssim_per_view"]) == 8


def test_perturbed_truth_falls_off_where_it_was_perturbed(evaluation: Evaluation) -> None:
    method = evaluation[1]["methods"][PERTURBED]
    limit = PERTURBED_FROM_ANGSTROM
    assert method["wave_resolution_frc_0p5_angstrom"] == pytest.approx(limit, abs=0.07)
    assert method["resolution_frc_0p5_angstrom"] == pytest.approx(limit, abs=0.15)
    assert method["r_factor_mean"] < 1e-3


def test_external_method_says_why_its_control_was_not_run(evaluation: Evaluation) -> None:
    method = evaluation[1]["methods"][PERTURBED]
    assert "settings" in method["controls"]["wrong_diffraction"]["not_run"]
    assert method["verdict"] == NOT_TESTED


def test_wrong_diffraction_control_names_its_patterns(evaluation: Evaluation) -> None:
    control = evaluation[1]["methods"]["hio"]["controls"]["wrong_diffraction"]
    assert control["pattern_of"] == ANOTHER_ORIENTATION
    assert control["views"] == len(control["pattern_items"]) == 3
    assert control["items"] == [0, 4, 7]
    # The wave has the moduli of the wrong pattern.
    assert control["r_factor_mean"] > 0.3


def test_image_alone_is_not_better_than_itself(evaluation: Evaluation) -> None:
    assert evaluation[1]["methods"]["low-resolution"]["verdict"] == RETURNS_IMAGE


def test_table_of_curves_has_one_axis(evaluation: Evaluation) -> None:
    out, metrics, _ = evaluation
    header, *rows = csv.reader((out / "frc.csv").read_text().splitlines())
    assert header[0] == "frequency_per_angstrom"
    assert {f"{name} frc_mean" for name in metrics["methods"]} <= set(header)
    assert "hio wrong_diffraction frc_mean" in header
    assert np.allclose([float(r[0]) * 70 for r in rows], range(1, len(rows) + 1))


def test_same_input_gives_the_same_bytes(
    data: TripletStore, external: PhasedStore, low_resolution: PhasedStore, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        evaluate(data, [external, low_resolution], tmp_path / name, 2, protocol="paper")
    for file in ("metrics.json", "frc.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_stores_of_one_method_get_names_of_their_own(
    low_resolution: PhasedStore, external: PhasedStore
) -> None:
    names = method_names([low_resolution, low_resolution, external, low_resolution])
    assert names == ["low-resolution", "low-resolution-2", PERTURBED, "low-resolution-3"]


def test_networks_of_one_method_are_called_by_their_files() -> None:
    def store(method: str, file: str) -> Any:
        return SimpleNamespace(method=method, store=SimpleNamespace(path=Path(file)))

    given = [store("cgan", "gan.zarr"), store("hio", "x.zarr"), store("cgan", "unet-l1.zarr")]
    assert method_names(given) == ["gan", "hio", "unet-l1"]
    given = [store("er", "er.zarr"), store("er", "free.zarr")]
    assert method_names(given) == ["er", "free"]
    # A file called like another method is not taken for it.
    given = [store("cgan", "hio.zarr"), store("hio", "x.zarr"), store("cgan", "b.zarr")]
    assert method_names(given) == ["hio-2", "hio", "b"]


def test_store_phased_from_other_data_is_one_clear_error(
    data: TripletStore, low_resolution: PhasedStore, tmp_path: Path
) -> None:
    other = PhasedStore(low_resolution.store.path)
    other.store.attributes["source_identity"] = "another"
    with pytest.raises(InputError, match="phased from other data") as caught:
        evaluate(data, [other], tmp_path)
    assert "\n" not in str(caught.value)


def test_nothing_to_evaluate_is_an_error(data: TripletStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to evaluate"):
        evaluate(data, [], tmp_path)


def test_spread_reaches_from_first_to_last() -> None:
    assert spread(list(range(100)), 4) == [0, 33, 66, 99]
    assert spread([5, 6], 8) == [5, 6]
    assert spread([5, 6], 0) == []
    assert spread([5, 6], 1) == [5]
