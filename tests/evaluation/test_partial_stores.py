"""Stores that hold some views, came twice, lost something, or belong elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.errors import InputError
from diffragan.evaluation.controls import CONTROLS, IMAGE_ALONE, IMAGE_PHASES
from diffragan.evaluation.figures import draw_figures
from diffragan.evaluation.judging import Result, judge_all
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.report import write_report
from diffragan.evaluation.verdict import NOT_BETTER, NOT_TESTED, RETURNS_IMAGE
from diffragan.evaluation.wrong_diffraction import ANOTHER_MOLECULE, wrong_items
from diffragan.fourier import fourier
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import read_observations
from tiny_data import tiny_data, tiny_phased


def edited(store: PhasedStore, **attributes: Any) -> PhasedStore:
    """The same store, as if its attributes had been written otherwise."""
    other = PhasedStore(store.store.path)
    other.store.attributes.update(attributes)
    return other


def test_each_method_is_judged_on_the_views_it_has(tiny_metrics: dict[str, Any]) -> None:
    low, er = (tiny_metrics["methods"][name] for name in ("low-resolution", "er"))
    assert low["items"] == list(range(8))
    assert er["items"] == [1, 6]
    assert er["views"] == len(er["resolution_per_view_angstrom"]) == 2
    assert tiny_metrics["data"]["views"] == 8
    assert [m["name"] for m in tiny_metrics["data"]["molecules"]] == ["alpha", "beta"]
    wrong = er["controls"]["wrong_diffraction"]
    assert wrong["pattern_of"] == ANOTHER_MOLECULE
    assert [item // 4 for item in wrong["pattern_items"]] == [1, 0]


def test_the_image_alone_is_the_method_low_resolution(tiny_metrics: dict[str, Any]) -> None:
    method, control = (
        tiny_metrics["methods"]["low-resolution"],
        tiny_metrics["controls"][IMAGE_ALONE],
    )
    for key in ("frc_mean", "wave_frc_mean", "ssim_per_view", "r_factor_per_view"):
        assert method[key] == pytest.approx(control[key], abs=1e-5)
    assert method["verdict"] == RETURNS_IMAGE
    assert method["verdict_numbers"]["gain"] == pytest.approx(0, abs=1e-6)


def test_the_same_store_twice_gives_the_same_numbers_under_two_names(
    tiny: TripletStore, tiny_er: PhasedStore, tmp_path: Path
) -> None:
    methods = evaluate(tiny, [tiny_er, tiny_er], tmp_path, control_views=1, protocol="paper")[
        "methods"
    ]
    assert list(methods) == ["er", "er-2"]
    assert methods["er"] == methods["er-2"]


@pytest.mark.parametrize("items", [[0, 0], [5, 2, 5]])
def test_a_store_with_an_item_twice_is_one_line(
    tiny: TripletStore, tmp_path: Path, items: list[int]
) -> None:
    store = tiny_phased(tiny, tmp_path / "twice.zarr", items=items)
    with pytest.raises(InputError, match="holds an item more than once; phase the data again"):
        evaluate(tiny, [store], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_store_of_other_data_is_refused_with_the_name_of_its_own(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path
) -> None:
    other = tiny_data(
        tmp_path / "other.zarr", ("alpha", "beta"), high_resolution={"defocus_angstrom": 60}
    )
    with pytest.raises(
        InputError, match=r"phased from other data \(tiny\.zarr\) than .*other\.zarr"
    ):
        evaluate(other, [tiny_low], tmp_path / "out")


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        ({"settings": {}, "weights": None}, "needs `--weights RUN`"),
        ({"settings": {}, "weights": "/gone"}, "gone"),
        (
            {"settings": {}, "weights": "/gone", "weights_sha256": {"best/a.safetensors": "0"}},
            "/gone: the weights that .* names have changed",
        ),
        ({}, "does not record the settings"),
    ],
)
def test_a_network_whose_weights_are_gone_is_judged_without_its_control(
    tiny: TripletStore, tiny_er: PhasedStore, tmp_path: Path, recorded: dict[str, Any], why: str
) -> None:
    store = edited(tiny_er, method="cgan", provenance={"settings": recorded})
    metrics = evaluate(tiny, [store], tmp_path, control_views=2, protocol="paper")
    method = metrics["methods"]["cgan"]
    with pytest.raises(InputError, match=why):
        raise InputError(method["controls"]["wrong_diffraction"]["not_run"])
    assert method["verdict"] in {NOT_TESTED, NOT_BETTER}
    assert method["verdict_numbers"]["gain_with_wrong_diffraction"] is None
    assert method["views"] == 2


def test_a_single_view_is_judged_drawn_and_reported(tmp_path: Path) -> None:
    data = tiny_data(tmp_path / "one.zarr", orientations=1)
    store = tiny_phased(data, tmp_path / "phased.zarr")
    metrics = evaluate(data, [store], tmp_path, protocol="paper")
    method = metrics["methods"]["low-resolution"]
    assert method["frc_std"] is None
    assert method["verdict_numbers"]["gain_error"] is None
    assert "no second pattern" in method["controls"]["wrong_diffraction"]["not_run"]
    text = write_report(
        metrics, draw_figures(data, [store], metrics, tmp_path), tmp_path, "One"
    ).read_text(encoding="utf-8")
    assert "1 simulated view of 1 molecule (alpha) was phased by 1 method" in text
    assert "1 view of alpha" in text


def test_patterns_that_end_before_20_angstrom_cannot_be_judged(
    tmp_path: Path,
) -> None:
    coarse = {"box_angstrom": 100, "diffraction": {"max_angle_mrad": 1.1}}
    data = tiny_data(tmp_path / "coarse.zarr", orientations=2, **coarse)
    store = tiny_phased(data, tmp_path / "phased.zarr")
    with pytest.raises(InputError, match=r"end at 25\.0 Å.*larger diffraction\.max_angle_mrad"):
        evaluate(data, [store], tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.json").exists()


@pytest.mark.parametrize("items", [[6, 1], [1, 6, 3]])
def test_controls_of_a_view_do_not_depend_on_the_others(
    tiny: TripletStore, tiny_low: PhasedStore, items: list[int]
) -> None:
    limit = measured_limit(tiny.experiment)
    together, alone = (
        judge_all(tiny, {"low": Result(tiny_low, {i: i for i in chosen})}, limit).controls
        for chosen in (items, [6])
    )
    for name in CONTROLS:
        torch.testing.assert_close(together[name].score([6]), alone[name].score([6]))


def test_image_phases_are_the_image_s_own_within_its_aperture(tiny: TripletStore) -> None:
    observations = read_observations(tiny, [2])
    image, moduli = (
        fourier(CONTROLS[name](observations, [2])) for name in (IMAGE_ALONE, IMAGE_PHASES)
    )
    frequency = tiny.experiment.wave_grid.squared_frequencies().sqrt()
    strong = (frequency > 0) & (frequency < 0.15)
    turned = torch.angle(moduli * image.conj())[0][strong]
    assert turned.abs().max() < 0.05


class Poses:
    """As much of a data set as `wrong_items` reads."""

    def __init__(self, owner: list[int], orientation: np.ndarray) -> None:
        self._arrays = {"structure": np.array(owner), "orientation": orientation}

    def read(self, name: str) -> np.ndarray:
        return self._arrays[name]


@given(
    owner=st.lists(st.integers(0, 3), min_size=2, max_size=12),
    seed=st.integers(0, 1000),
    same=st.booleans(),
)
def test_the_wrong_pattern_is_never_the_right_one(owner: list[int], seed: int, same: bool) -> None:
    turns = np.random.default_rng(seed).normal(size=(len(owner), 4))
    turns = np.tile([0.0, 0, 0, 1], (len(owner), 1)) if same else turns
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    items = list(range(len(owner)))
    chosen, kind = wrong_items(Poses(owner, turns), items)  # type: ignore[arg-type, misc]
    several = len(set(owner)) > 1
    assert (kind == ANOTHER_MOLECULE) is several
    for item, other in zip(items, chosen, strict=True):
        assert other != item
        assert (owner[item] != owner[other]) is several
