from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.errors import InputError
from diffragan.evaluation.controls import (
    CONTROLS,
    IMAGE_PHASES,
    RANDOM_PHASES,
)
from diffragan.evaluation.judging import Result, judge_all
from diffragan.evaluation.metrics import measured_limit, r_factor
from diffragan.evaluation.scores import ViewScores, read_truth
from diffragan.evaluation.wrong_diffraction import (
    ANOTHER_MOLECULE,
    ANOTHER_ORIENTATION,
    phaser_of,
    wrong_items,
)
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import read_observations
from diffragan.rotations import matrix_from_quaternion


class Molecules:
    """As much of a data set as `wrong_items` reads."""

    def __init__(self, owner: list[int], orientation: np.ndarray) -> None:
        self._arrays = {"structure": np.array(owner), "orientation": orientation}

    def read(self, name: str) -> np.ndarray:
        return self._arrays[name]


def test_controls_of_true_moduli_have_the_measured_moduli(data: TripletStore) -> None:
    observations, truth = read_observations(data, [0, 1]), read_truth(data, [0, 1])
    for name in (IMAGE_PHASES, RANDOM_PHASES):
        waves = CONTROLS[name](observations, [0, 1])
        assert torch.isfinite(torch.view_as_real(waves)).all()
        assert r_factor(waves, truth.diffraction, truth.measured).max() < 1e-3


def test_random_phases_belong_to_the_item_and_not_to_the_batch(data: TripletStore) -> None:
    both = CONTROLS[RANDOM_PHASES](read_observations(data, [0, 1]), [0, 1])
    alone = CONTROLS[RANDOM_PHASES](read_observations(data, [1]), [1])
    torch.testing.assert_close(both[1:], alone)


def test_random_phases_resolve_nothing_and_the_image_only_its_band(
    data: TripletStore, low_resolution: PhasedStore
) -> None:
    judged = judge_all(
        data, {"low": Result.of(low_resolution)}, measured_limit(data.experiment)
    ).controls
    found = {name: scores.summary() for name, scores in judged.items()}
    assert found[RANDOM_PHASES]["resolution_starts_below"]
    alone = found["low_resolution_image_alone"]
    # The aperture passes nothing beyond 5.02 Å.
    assert 5.0 < alone["resolution_frc_0p5_angstrom"] < 10


def test_wrong_pattern_is_of_the_next_molecule() -> None:
    many = Molecules([0, 0, 1, 1, 1], np.tile([0.0, 0, 0, 1], (5, 1)))
    chosen, kind = wrong_items(many, [0, 1, 2, 3, 4])  # type: ignore[arg-type, misc]
    assert kind == ANOTHER_MOLECULE
    assert [item < 2 for item in chosen] == [False, False, True, True, True]


def test_wrong_pattern_of_one_molecule_is_seen_from_the_side(data: TripletStore) -> None:
    chosen, kind = wrong_items(data, [0, 3])  # type: ignore[misc]
    assert kind == ANOTHER_ORIENTATION
    beams = matrix_from_quaternion(data.read("orientation"))[:, 2]
    for item, other in zip([0, 3], chosen, strict=True):
        assert abs(beams[item] @ beams[other]) == pytest.approx(np.abs(beams @ beams[item]).min())


def test_single_item_has_no_wrong_pattern() -> None:
    assert wrong_items(Molecules([0], np.array([[0.0, 0, 0, 1]])), [0]) is None  # type: ignore[arg-type]


def test_phaser_is_made_again_from_what_was_recorded(hio: PhasedStore) -> None:
    assert phaser_of(hio).settings.iterations == 60  # type: ignore[attr-defined]


def test_store_that_records_no_settings_is_refused(external: PhasedStore) -> None:
    with pytest.raises(InputError, match="does not record the settings"):
        phaser_of(external)


def test_weights_that_changed_since_are_refused(hio: PhasedStore, tmp_path: Path) -> None:
    (tmp_path / "generator.safetensors").write_bytes(b"other")
    store = PhasedStore(hio.store.path)
    store.store.attributes["provenance"] = {
        "settings": {
            "settings": {},
            "weights": str(tmp_path),
            "weights_sha256": {"generator.safetensors": "0" * 64},
        }
    }
    with pytest.raises(InputError, match="have changed"):
        phaser_of(store)


def test_waves_that_are_not_finite_are_refused(data: TripletStore) -> None:
    truth = read_truth(data, [0])
    with pytest.raises(InputError, match="not finite"):
        ViewScores(measured_limit(data.experiment)).add(
            [0], truth.waves * torch.nan, truth.images, truth
        )
