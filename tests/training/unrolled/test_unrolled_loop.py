"""Runs of the unrolled network: written, stopped, resumed, refused."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from diffragan.errors import ConfigError, DiffraganError, InputError, OutputError
from diffragan.io.checkpoints import BEST, LAST, read_run
from diffragan.io.training_log import read_log
from diffragan.phasing.weights import make_network, read_unrolled
from diffragan.training.unrolled import loop
from diffragan.training.unrolled.loop import UnrolledResult, train_unrolled
from diffragan.training.unrolled.memory import training_bytes
from tiny_data import tiny_data
from tiny_unrolled import TINY_NETWORK, some_weights, tiny_training

Train = Callable[..., UnrolledResult]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.zarr"
    return tiny_data(path, ("alpha", "beta"), orientations=2).store.path


@pytest.fixture
def run_tiny(data: Path, tmp_path: Path) -> Train:
    def run(name: str = "run", where: Path = data, **options: Any) -> UnrolledResult:
        fields = tiny_training().__class__.model_fields
        changes = {key: options.pop(key) for key in list(options) if key in fields}
        return train_unrolled(where, tiny_training(**changes), tmp_path / name, **options)

    return run


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, signal.Signals], None]:
    """Let a signal reach this process within a step."""

    def arm(last: int, number: signal.Signals) -> None:
        step = loop._step

        def strike(run: Any, lesson: Any) -> dict[str, float]:
            if run.state.position.step + 1 == last:
                os.kill(os.getpid(), number)
            return step(run, lesson)

        monkeypatch.setattr(loop, "_step", strike)

    return arm


def assert_same_run(first: Path, second: Path) -> None:
    for which in (LAST, BEST):
        one, other = read_run(first, which), read_run(second, which)
        for part, tensors in one.tensors.items():
            assert set(tensors) == set(other.tensors[part])
            for name, value in tensors.items():
                assert torch.equal(value, other.tensors[part][name]), f"{which} {part} {name}"
        assert json.dumps(one.description) == json.dumps(other.description)
    logs = [(run / "training.csv").read_text() for run in (first, second)]
    assert logs[0] == logs[1]


def test_a_run_leaves_weights_a_log_and_what_it_learned_from(run_tiny: Train) -> None:
    result = run_tiny()
    assert (result.step, result.reached_time_limit) == (6, False)
    assert {path.name for path in result.run.iterdir()} == {"last", "best", "training.csv"}
    rows = read_log(result.run / "training.csv", 6)
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["views"] for row in rows] == ["4", "8", "12"]
    best = max(float(row["validation_frc"]) for row in rows)
    assert best == pytest.approx(result.best_frc, rel=1e-4)
    description = read_run(result.run).description
    assert (description["kind"], description["molecules"]) == ("unrolled", ["alpha", "beta"])
    assert (description["views"], description["energy_kev"]) == (4, 200)
    assert description["started_from"] is None
    assert description["views_seen"] == 2 * description["position"]["step"]
    make_network(read_unrolled(result.run))


def test_the_same_seed_is_the_same_run_and_another_is_not(run_tiny: Train) -> None:
    one, same = run_tiny("one").run, run_tiny("same").run
    assert_same_run(one, same)
    first = read_run(one, LAST).tensors["network"]
    other = read_run(run_tiny("other", seed=1).run, LAST).tensors["network"]
    assert not all(torch.equal(values, other[name]) for name, values in first.items())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_stopped_in_a_step_goes_on_bit_by_bit(
    run_tiny: Train,
    tmp_path: Path,
    stop_at: Callable[[int, signal.Signals], None],
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    straight = run_tiny("straight").run
    stop_at(3, number)  # not where a checkpoint would be written anyway
    with pytest.raises(KeyboardInterrupt):
        run_tiny("halves")
    monkeypatch.undo()
    assert read_run(tmp_path / "halves", LAST, ()).description["position"]["step"] == 3
    run_tiny("halves", resume=True)
    assert_same_run(straight, tmp_path / "halves")


def test_a_time_limit_ends_a_run_as_if_it_were_done(run_tiny: Train) -> None:
    result = run_tiny(steps=10**6, max_minutes=0.02)
    assert result.reached_time_limit
    assert 0 < result.step < 10**6
    assert result.best_frc > -1
    assert read_run(result.run, BEST, ()).description["position"]["step"] > 0


def test_a_run_that_is_done_can_be_resumed_and_stays(run_tiny: Train) -> None:
    before = run_tiny()
    after = run_tiny(resume=True)
    assert after == before


def test_a_diverged_run_says_so_and_keeps_an_earlier_step(run_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="diverged at step") as caught:
        run_tiny(learning_rate=1e30, warmup_steps=0, checkpoint_every=1)
    assert "lower learning_rate" in str(caught.value)
    kept = read_run(tmp_path / "run", LAST)
    values = kept.tensors["network"].values()
    assert kept.description["position"]["step"] == 0 or all(v.isfinite().all() for v in values)


def test_bfloat16_and_the_other_normalisation_train(run_tiny: Train) -> None:
    grouped = TINY_NETWORK.model_copy(update={"normalisation": "group", "memory": 0})
    assert run_tiny(precision="bf16-mixed", network=grouped, steps=2).step == 2


def test_a_network_begins_with_the_weights_it_is_given(run_tiny: Train, tmp_path: Path) -> None:
    given = some_weights(tmp_path / "given", stir=0.05)
    first = read_unrolled(given).tensors
    run = run_tiny("special", start_from=given, steps=1, learning_rate=1e-9).run
    found = read_run(run, LAST)
    assert found.description["started_from"] == str(given)
    for part in ("network", "average"):
        for name, values in first.items():
            torch.testing.assert_close(found.tensors[part][name], values, rtol=1e-6, atol=1e-6)


def test_what_a_run_started_from_is_known_after_it_was_resumed(
    run_tiny: Train,
    tmp_path: Path,
    stop_at: Callable[[int, signal.Signals], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether the option is given again or not, which no longer matters."""
    given = some_weights(tmp_path / "given", stir=0.05)
    straight = run_tiny("straight", start_from=given).run
    stop_at(3, signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run_tiny("halves", start_from=given)
    monkeypatch.undo()
    run_tiny("halves", resume=True)
    assert_same_run(straight, tmp_path / "halves")


def refusal(train: Train, **options: Any) -> tuple[str, DiffraganError]:
    with pytest.raises(DiffraganError) as caught:
        train(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value


def test_a_run_is_not_overwritten_and_nothing_is_not_resumed(run_tiny: Train) -> None:
    said, error = refusal(run_tiny, resume=True)
    assert isinstance(error, InputError)
    assert "no checkpoint to resume" in said
    run_tiny(steps=1)
    said, error = refusal(run_tiny, steps=1)
    assert isinstance(error, OutputError)
    assert "add --resume" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 3}, "trained with batch 2, not 3"),
        ({"steps": 7}, "trained with steps 1, not 7"),
        (
            {"network": TINY_NETWORK.model_copy(update={"width": 12})},
            "trained with network.width 8, not 12",
        ),
        ({"learning_rate": 1.0}, "trained with learning_rate 0.003, not 1.0"),
    ],
)
def test_another_configuration_to_resume_with_is_named(
    run_tiny: Train, changes: dict[str, Any], words: str
) -> None:
    run_tiny(steps=1)
    said, _ = refusal(run_tiny, resume=True, **{"steps": 1, **changes})
    assert words in said
    assert len(said) < 300


def test_how_often_it_is_judged_and_kept_may_change(run_tiny: Train) -> None:
    run_tiny(steps=2)
    assert run_tiny(steps=2, resume=True, validate_every=7, checkpoint_every=9).step == 2


def test_another_data_set_and_none_and_one_too_coarse_are_refused(
    run_tiny: Train, tmp_path: Path
) -> None:
    run_tiny(steps=1)
    other = tiny_data(tmp_path / "other.zarr", ("alpha",), orientations=1).store.path
    said, _ = refusal(run_tiny, where=other, steps=1, resume=True)
    assert "was trained on another data set" in said
    said, _ = refusal(run_tiny, name="new", where=tmp_path / "absent.zarr")
    assert "no such data set" in said
    said, _ = refusal(run_tiny, name="new", validation=tmp_path / "absent.zarr")
    assert "no such data set" in said
    fine = TINY_NETWORK.model_copy(update={"pixel_angstrom": 0.4})
    said, _ = refusal(run_tiny, name="new", network=fine)
    assert "coarser than the network's 0.4 Å" in said


def test_a_file_in_the_way(run_tiny: Train, tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    said, error = refusal(run_tiny)
    assert isinstance(error, OutputError)
    assert "a file stands" in said


def test_weights_to_start_from_must_be_there_and_fit(run_tiny: Train, tmp_path: Path) -> None:
    said, _ = refusal(run_tiny, start_from=tmp_path / "absent")
    assert "no such folder of weights" in said
    wide = tiny_training(network=TINY_NETWORK.model_copy(update={"width": 12}))
    given = some_weights(tmp_path / "wide", wide)
    said, _ = refusal(run_tiny, name="new", start_from=given)
    assert "the weights do not fit the configuration" in said


@pytest.mark.parametrize("part", ["network", "average", "optimiser"])
def test_a_damaged_checkpoint_is_one_line(run_tiny: Train, tmp_path: Path, part: str) -> None:
    run_tiny(steps=1)
    (tmp_path / "run" / "last" / f"{part}.safetensors").write_bytes(b"garbage")
    said, _ = refusal(run_tiny, steps=1, resume=True)
    assert "damaged" in said


def test_an_optimiser_of_another_network_is_one_line(run_tiny: Train, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    run_tiny(steps=1)
    moments = tmp_path / "run" / "last" / "optimiser.safetensors"
    save_file({"nonsense": torch.zeros(1)}, moments)
    said, _ = refusal(run_tiny, steps=1, resume=True)
    assert "its optimiser does not fit its network" in said


def test_the_run_of_another_network_is_not_resumed(run_tiny: Train, tmp_path: Path) -> None:
    from diffragan.io.checkpoints import Checkpoint, write_checkpoint

    write_checkpoint(tmp_path / "run" / LAST, Checkpoint({"generator": {}}, {"kind": "cgan"}))
    said, error = refusal(run_tiny, resume=True)
    assert isinstance(error, InputError)
    assert "a run of another kind of network" in said


def test_memory_grows_with_the_batch_the_box_and_the_data() -> None:
    settings = tiny_training()
    least = training_bytes(100, 70.0, 10**6, settings)
    assert 1e8 < least < 1e10
    for views, box, parameters, other in (
        (10**5, 70.0, 10**6, settings),
        (100, 700.0, 10**6, settings),
        (100, 70.0, 10**8, settings),
        (100, 70.0, 10**6, tiny_training(batch=64)),
    ):
        assert training_bytes(views, box, parameters, other) > least
