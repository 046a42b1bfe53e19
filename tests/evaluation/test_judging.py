"""One pass over the data: the same for any number of threads, order and batch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.alignment import translate
from diffragan.errors import InputError
from diffragan.evaluation import judging
from diffragan.evaluation.judging import Result, judge_all, spread
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.scores import ViewScores, read_truth, score_batch
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from tiny_data import tiny_phased


def test_metrics_do_not_depend_on_threads_or_batches(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for workers in (1, 3):
        evaluate(tiny, [tiny_low], tmp_path / str(workers), 2, protocol="paper", workers=workers)
        written.append((tmp_path / str(workers) / "metrics.json").read_bytes())
    assert written[0] == written[1]
    limit = measured_limit(tiny.experiment)
    whole = judge_all(tiny, {"low": Result.of(tiny_low)}, limit).methods["low"].all()
    monkeypatch.setattr(judging, "BATCH", 3)
    pieces = judge_all(tiny, {"low": Result.of(tiny_low)}, limit).methods["low"].all()
    torch.testing.assert_close(pieces.frc, whole.frc, rtol=0, atol=1e-5)


def test_results_in_another_order_are_matched_by_their_item(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path
) -> None:
    turned = tiny_phased(tiny, tmp_path / "turned.zarr", items=[5, 2, 7, 0])
    limit = measured_limit(tiny.experiment)
    results = {"all": Result.of(tiny_low), "turned": Result.of(turned)}
    found = judge_all(tiny, results, limit).methods
    assert found["turned"].items == [0, 2, 5, 7]
    of_all = found["all"].score([0, 2, 5, 7])
    torch.testing.assert_close(found["turned"].score([0, 2, 5, 7]), of_all, rtol=0, atol=1e-5)


def test_an_interrupted_evaluation_leaves_no_half_written_file(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("diffragan.evaluation.protocol.use_markdown", interrupt)
    with pytest.raises(KeyboardInterrupt):
        evaluate(tiny, [tiny_low], tmp_path, 1, protocol="paper")
    assert not (tmp_path / "metrics.json").exists()
    assert not list(tmp_path.glob(".*"))


Change = Callable[[torch.Tensor], torch.Tensor]


@pytest.mark.parametrize(
    ("change", "twin", "shift"),
    [
        (lambda v: v, False, 0.0),
        (lambda v: translate(v, torch.tensor([[0.03, -0.02]])), False, 24 * 0.03606),
        (lambda v: torch.roll(v.flip((-2, -1)), (1, 1), (-2, -1)), True, 0.0),
    ],
)
def test_shift_and_twin_are_undone_and_said(
    tiny: TripletStore, change: Change, twin: bool, shift: float
) -> None:
    truth, limit = read_truth(tiny, [2]), measured_limit(tiny.experiment)
    scores = ViewScores(limit)
    scores.take([2], score_batch(change(truth.waves), change(truth.images), truth, limit))
    said = scores.summary()["alignment"]
    assert said["twin_views"] == ([2] if twin else [])
    assert said["largest_shift_angstrom"] == pytest.approx(shift, abs=0.02)
    assert float(scores.score([2])) > 0.99


def test_the_moduli_are_compared_as_recovered_and_not_as_turned(tiny: TripletStore) -> None:
    truth, limit = read_truth(tiny, [2]), measured_limit(tiny.experiment)
    turned = torch.roll(truth.waves.flip((-2, -1)), (1, 1), (-2, -1))
    twin = torch.roll(truth.images.flip((-2, -1)), (1, 1), (-2, -1))
    upright = score_batch(truth.waves, truth.images, truth, limit)
    # The pattern is not quite that of the twin: the molecule is no weak phase object.
    assert float(score_batch(turned, twin, truth, limit).r_factor) > float(upright.r_factor)


@pytest.mark.parametrize("count", [0, 1, 3, 8, 20])
def test_spread_takes_both_ends(count: int) -> None:
    chosen = spread(list(range(10, 18)), count)
    assert len(chosen) == min(count, 8)
    assert chosen == sorted(set(chosen))
    if count > 1:
        assert (chosen[0], chosen[-1]) == (10, 17)


def test_constant_images_are_refused_when_all_are(
    tiny: TripletStore, tiny_low: PhasedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = PhasedStore.read

    def blank(every: bool) -> Callable[..., np.ndarray]:
        def patched(self: PhasedStore, name: str, items: object = None) -> np.ndarray:
            values = read(self, name, items)  # type: ignore[arg-type]
            if name == "image":
                values[: len(values) if every else 1] = 0.25
            return values

        return patched

    monkeypatch.setattr(PhasedStore, "read", blank(False))
    metrics = evaluate(tiny, [tiny_low], tmp_path / "some", 0, protocol="paper")
    assert metrics["methods"]["low-resolution"]["constant_views"] == [0]
    assert any("are the same everywhere" in words for words in metrics["warnings"])
    monkeypatch.setattr(PhasedStore, "read", blank(True))
    with pytest.raises(InputError, match="every image is the same everywhere"):
        evaluate(tiny, [tiny_low], tmp_path / "all", 0, protocol="paper")
