"""What a phaser predicts of its answers goes into the store, the STAR file, and one line."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.cli.main import run as command
from diffragan.errors import InputError
from diffragan.evaluation.wrong_diffraction import phaser_of
from diffragan.io.layout import METADATA
from diffragan.io.phased import PREDICTED_FREQUENCY, PREDICTIONS, PhasedStore
from diffragan.io.star import read_particles
from diffragan.io.triplets import TripletStore
from diffragan.io.verify import verify
from diffragan.phasing.confidence import FILE
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.evidence import BANDS_PER_UNIT
from diffragan.phasing.foretold import foretold, foretold_words
from diffragan.phasing.free_set import FreeSet, WithholdingPhaser
from diffragan.phasing.particles import (
    FIGURE_OF_MERIT,
    PREDICTED_RESOLUTION,
    write_particle_stack,
)
from diffragan.phasing.protocol import Observations, PhasedWaves, read_observations
from diffragan.phasing.registry import make_phaser, recorded_settings
from small_weights import QUICK, SHARES, small_weights
from tiny_data import tiny_data, tiny_phased


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("predicted") / "data.zarr", ("alpha", "beta"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_weights(tmp_path_factory.mktemp("weights") / "small")


def phased_by_hybrid(data: TripletStore, weights: Path, out: Path) -> PhasedStore:
    phaser = make_phaser("hybrid", QUICK, weights)
    recorded = recorded_settings(phaser, QUICK, weights)
    return PhasedStore(phase_dataset(data, phaser, out, method="hybrid", settings=recorded))


@pytest.fixture(scope="module")
def phased(
    data: TripletStore, weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> PhasedStore:
    return phased_by_hybrid(data, weights, tmp_path_factory.mktemp("predicted") / "hybrid.zarr")


def test_the_store_holds_what_was_predicted(
    phased: PhasedStore, data: TripletStore, weights: Path
) -> None:
    told = make_phaser("hybrid", QUICK, weights).phase(read_observations(data, range(8))).prediction
    assert told is not None
    assert phased.predicts
    for name, values in (
        ("predicted_frc", told.frc),
        ("predicted_resolution", told.resolution_angstrom),
        ("predicted_resolution_interval", told.interval_angstrom),
        ("predicted_score", told.score),
        (PREDICTED_FREQUENCY, told.frequency_per_angstrom),
    ):
        np.testing.assert_allclose(phased.read(name), values.numpy(), rtol=1e-4)
    np.testing.assert_array_equal(phased.read("phasing_failed"), told.failed.numpy())
    # The calibration of these weights falls through 0.5 at 2 Å whatever it is shown.
    np.testing.assert_allclose(phased.read("predicted_resolution"), 2.0, rtol=0.01)
    expected = np.outer(phased.read("predicted_resolution"), SHARES)
    np.testing.assert_allclose(phased.read("predicted_resolution_interval"), expected, rtol=1e-6)


def test_a_view_whose_pattern_is_empty_is_called_failed(data: TripletStore, weights: Path) -> None:
    observed = read_observations(data, range(2))
    half = observed.diffraction * torch.tensor([1.0, 0.0])[:, None, None]
    told = make_phaser("hybrid", QUICK, weights).phase(observed.with_diffraction(half)).prediction
    assert told is not None
    assert told.failed.tolist() == [False, True]


def test_bands_end_where_the_measurement_does(phased: PhasedStore, data: TripletStore) -> None:
    frequency = phased.read(PREDICTED_FREQUENCY)
    np.testing.assert_allclose(frequency * BANDS_PER_UNIT, range(len(frequency)))
    end = data.experiment.corner_limit_per_angstrom
    assert abs(frequency[-1] - end) <= 0.5 / BANDS_PER_UNIT


def test_every_value_of_such_a_store_is_found_sound(phased: PhasedStore) -> None:
    assert len(list(verify(phased.store))) > 0
    xarray = pytest.importorskip("xarray")
    with xarray.open_zarr(phased.store.path) as opened:
        assert opened["predicted_frc"].dims == ("item", PREDICTED_FREQUENCY)
        assert PREDICTED_FREQUENCY in opened["predicted_frc"].coords


def test_weights_without_a_calibration_and_other_methods_predict_nothing(
    data: TripletStore, tmp_path: Path
) -> None:
    plain = small_weights(tmp_path / "plain", calibrated=False)
    stores = [
        phased_by_hybrid(data, plain, tmp_path / "hybrid.zarr"),
        tiny_phased(data, tmp_path / "low.zarr"),
    ]
    for store in stores:
        assert not store.predicts
        assert foretold(store) == ""
        assert not {*PREDICTIONS, PREDICTED_FREQUENCY} & set(store.store.array_names())
        _, star = write_particle_stack(store)
        assert FIGURE_OF_MERIT not in read_particles(star).extra


def test_the_star_file_has_a_column_to_select_views_by(phased: PhasedStore) -> None:
    _, star = write_particle_stack(phased)
    extra = read_particles(star).extra
    for column, array in (
        (FIGURE_OF_MERIT, "predicted_score"),
        (PREDICTED_RESOLUTION, "predicted_resolution"),
    ):
        np.testing.assert_allclose([float(v) for v in extra[column]], phased.read(array), rtol=1e-6)


class Stopping:
    """A calibrated phaser that is interrupted after its first batch."""

    def __init__(self, weights: Path) -> None:
        self.phaser = make_phaser("hybrid", QUICK, weights)
        self.batches = 0

    def predicted_frequencies(self, observations: Observations) -> tuple[float, ...]:
        return self.phaser.predicted_frequencies(observations)  # type: ignore[attr-defined,no-any-return]

    def phase(self, observations: Observations) -> PhasedWaves:
        if self.batches:
            raise KeyboardInterrupt
        self.batches += 1
        return self.phaser.phase(observations)


def test_an_interrupted_run_goes_on_with_its_predictions(
    data: TripletStore,
    weights: Path,
    phased: PhasedStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("diffragan.phasing.dataset.BATCH", 3)
    out = tmp_path / "hybrid.zarr"
    recorded = recorded_settings(make_phaser("hybrid", QUICK, weights), QUICK, weights)
    with pytest.raises(KeyboardInterrupt):
        phase_dataset(data, Stopping(weights), out, method="hybrid", settings=recorded)
    again = phased_by_hybrid(data, weights, out)
    assert "3 items are done" in capsys.readouterr().err
    for name in PREDICTIONS:
        np.testing.assert_allclose(
            again.read(name).astype(float), phased.read(name).astype(float), rtol=1e-4
        )


def test_a_run_is_not_taken_up_with_another_calibration(
    data: TripletStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = small_weights(tmp_path / "own")
    recorded = recorded_settings(make_phaser("hybrid", QUICK, own), QUICK, own)
    assert FILE in recorded["weights_sha256"]
    out = tmp_path / "hybrid.zarr"
    stopping = Stopping(own)
    stopping.batches = 1
    with pytest.raises(KeyboardInterrupt):
        phase_dataset(data, stopping, out, method="hybrid", settings=recorded)
    (own / FILE).unlink()
    assert not phased_by_hybrid(data, own, out).predicts
    assert "unfinished run with other settings" in capsys.readouterr().err


def test_a_method_is_run_again_only_with_the_calibration_it_had(
    data: TripletStore, tmp_path: Path
) -> None:
    own = small_weights(tmp_path / "own")
    store = phased_by_hybrid(data, own, tmp_path / "hybrid.zarr")
    phaser_of(store)
    (own / FILE).write_text((own / FILE).read_text() + "\n")
    with pytest.raises(InputError, match="have changed"):
        phaser_of(store)


def test_weights_of_the_package_are_found_again_though_nobody_named_them(
    data: TripletStore, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("phasing.registry", "evaluation.wrong_diffraction"):
        monkeypatch.setattr(f"diffragan.{module}.packaged_weights", lambda: weights)
    phaser = make_phaser("hybrid", QUICK)
    recorded = recorded_settings(phaser, QUICK, None)
    assert recorded["weights"] is None
    assert recorded["weights_sha256"]
    out = tmp_path / "hybrid.zarr"
    phase_dataset(data, phaser, out, method="hybrid", settings=recorded, items=[0])
    phaser_of(PhasedStore(out))


def test_pixels_kept_out_take_nothing_from_the_prediction(
    data: TripletStore, weights: Path, tmp_path: Path
) -> None:
    phaser = WithholdingPhaser(make_phaser("hybrid", QUICK, weights), FreeSet(0.1))
    out = tmp_path / "free.zarr"
    store = PhasedStore(phase_dataset(data, phaser, out, method="hybrid", settings={}, items=[2]))
    assert store.read("predicted_frc").shape == (1, len(store.read(PREDICTED_FREQUENCY)))
    plain = WithholdingPhaser(make_phaser("low-resolution"), FreeSet(0.1))
    assert plain.predicted_frequencies(read_observations(data, [0])) == ()


def test_a_store_that_lost_a_prediction_is_one_line(phased: PhasedStore, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(phased.store.path, tmp_path / "hybrid.zarr"))
    group = json.loads((copy / METADATA).read_text())
    del group["consolidated_metadata"]["metadata"]["predicted_score"]
    (copy / METADATA).write_text(json.dumps(group))
    with pytest.raises(InputError, match=r"'predicted_score' is missing; make the data set again"):
        PhasedStore(copy)


def test_the_command_says_what_to_expect(
    data: TripletStore, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "hybrid.zarr"
    words = ["phase", str(data.store.path), "--weights", str(weights), "--out", str(out)]
    options = ["--restarts", "2", "--iterations", "12", "--views", "3", "--device", "cpu"]
    assert command([*words, *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == (
        "expected at FRC 0.5: 2.00 Å or finer for half of 3 views, 2.00 Å or finer for nine "
        "tenths; none failed"
    )
    assert command(["info", str(out)]) == 0
    assert lines[-1] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("resolutions", "failed", "words"),
    [
        ([1.4], [False], "expected at FRC 0.5: 1.40 Å; none failed"),
        (
            [5.0],
            [True],
            "expected at FRC 0.5: 5.00 Å; 1 failed, and is no more than the network's first guess",
        ),
        (
            [4.0, 1.5, 1.3, 1.4],
            [True, False, False, False],
            "expected at FRC 0.5: 1.40 Å or finer for half of 4 views, 4.00 Å or finer for nine "
            "tenths; 1 (25 %) failed, and is no more than the network's first guess",
        ),
    ],
)
def test_words_name_resolutions_that_so_many_views_reach(
    resolutions: list[float], failed: list[bool], words: str
) -> None:
    assert foretold_words(resolutions, failed) == words


def test_a_damaged_calibration_is_one_line(
    data: TripletStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = small_weights(tmp_path / "own")
    (own / FILE).write_text("{")
    words = [
        "phase",
        str(data.store.path),
        "--weights",
        str(own),
        "--out",
        str(tmp_path / "a.zarr"),
    ]
    assert command(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "confidence.json: not readable as JSON" in line
