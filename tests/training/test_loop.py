import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, InputError, OutputError
from diffragan.io.checkpoints import read_run
from diffragan.io.training_log import read_log
from diffragan.training import loop
from diffragan.training.loop import TrainingResult, train

TINY = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3),
    discriminator=DiscriminatorSettings(width=4),
    steps=6,
    batch=2,
    validate_every=2,
)
Train = Callable[..., TrainingResult]


@pytest.fixture
def run_tiny(villin_data: Path, tmp_path: Path) -> Train:
    def run(name: str = "run", **options: object) -> TrainingResult:
        changed = {
            key: options.pop(key) for key in list(options) if key in TINY.__class__.model_fields
        }
        settings = TINY.model_copy(update=changed)
        return train(villin_data, settings, tmp_path / name, **options)  # type: ignore[arg-type]

    return run


def assert_same_networks(first: Path, second: Path) -> None:
    one, other = read_run(first, "last"), read_run(second, "last")
    for part, tensors in one.tensors.items():
        assert set(tensors) == set(other.tensors[part])
        for name, value in tensors.items():
            assert torch.equal(value, other.tensors[part][name]), f"{part}.{name}"
    assert one.description["position"] == other.description["position"]


def test_a_run_leaves_networks_losses_and_pictures(run_tiny: Train) -> None:
    result = run_tiny()
    assert result.step == 6
    assert not result.reached_time_limit
    names = {path.name for path in result.run.iterdir()}
    assert names == {"last", "best", "training.csv", "samples"}
    rows = read_log(result.run / "training.csv", 6)
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert max(float(row["validation_frc"]) for row in rows) == pytest.approx(
        result.best_frc, rel=1e-4
    )
    assert len(list((result.run / "samples").glob("*.png"))) == 3
    description = read_run(result.run).description
    assert description["experiment"]["box_angstrom"] == 70
    assert description["views_seen"] == 2 * description["position"]["step"]


def test_stopping_and_resuming_changes_nothing(run_tiny: Train) -> None:
    straight = run_tiny("straight")
    run_tiny("halves", steps=3)
    halves = run_tiny("halves", resume=True)
    assert halves.step == 6
    assert_same_networks(straight.run, halves.run)


def test_twice_the_same_seed_is_twice_the_same_run(run_tiny: Train) -> None:
    assert_same_networks(run_tiny("one").run, run_tiny("two").run)
    other = read_run(run_tiny("three", seed=1).run, "last").tensors["generator"]
    same = read_run(run_tiny("four").run, "last").tensors["generator"]
    assert set(other) == set(same)
    assert not all(torch.equal(other[name], same[name]) for name in same)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_the_run_can_go_on(
    run_tiny: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: signal.Signals
) -> None:
    step = loop.adversarial_step
    calls = []

    def step_and_signal(*arguments: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return step(*arguments)  # type: ignore[arg-type]

    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "adversarial_step", step_and_signal)
        with pytest.raises(KeyboardInterrupt):
            run_tiny("stopped")
    assert signal.getsignal(number) is before
    assert read_run(tmp_path / "stopped", "last").description["position"]["step"] == 3
    assert_same_networks(run_tiny("stopped", resume=True).run, run_tiny("straight").run)


def test_a_time_limit_ends_a_run_as_if_it_were_done(run_tiny: Train) -> None:
    result = run_tiny(steps=10**6, max_minutes=0.02)
    assert result.reached_time_limit
    assert 0 < result.step < 10**6
    assert read_run(result.run, "best").description["position"]["step"] > 0


def test_a_diverged_run_says_so(run_tiny: Train) -> None:
    with pytest.raises(ConfigError, match="diverged at step"):
        run_tiny(learning_rate=1e30)


def test_bfloat16_trains(run_tiny: Train) -> None:
    assert run_tiny(precision="bf16-mixed").step == 6


def test_a_run_records_what_auto_came_to(run_tiny: Train) -> None:
    run = run_tiny(precision="auto").run
    assert read_run(run).description["settings"]["precision"] in ("32-true", "bf16-mixed")
    assert run_tiny(precision="auto", resume=True, steps=7).step == 7


def test_a_run_is_not_overwritten(run_tiny: Train) -> None:
    run_tiny(steps=1)
    with pytest.raises(OutputError, match="add --resume"):
        run_tiny(steps=1)


def test_nothing_to_resume(run_tiny: Train) -> None:
    with pytest.raises(InputError, match="no checkpoint to resume"):
        run_tiny(resume=True)


def test_another_configuration_is_named(run_tiny: Train) -> None:
    run_tiny(steps=1)
    with pytest.raises(ConfigError, match="trained with batch 2, not 3"):
        run_tiny(batch=3, resume=True)
    wider = GeneratorSettings(pixels=32, width=5, depth=3)
    with pytest.raises(ConfigError, match=r"generator\.width 4, not 5"):
        run_tiny(generator=wider, resume=True)


def test_another_data_set_is_refused(run_tiny: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    run_tiny(steps=1)
    monkeypatch.setattr("diffragan.io.triplets.TripletStore.identity", "another")
    with pytest.raises(InputError, match="another data set"):
        run_tiny(resume=True)


def test_a_file_in_the_way(run_tiny: Train, tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match="a file stands"):
        run_tiny()


@pytest.mark.parametrize("part", ["generator", "average", "optimisers", "random"])
def test_a_damaged_checkpoint_is_one_line(run_tiny: Train, tmp_path: Path, part: str) -> None:
    run_tiny(steps=1)
    (tmp_path / "run" / "last" / f"{part}.safetensors").write_bytes(b"garbage")
    with pytest.raises(InputError, match="damaged"):
        run_tiny(resume=True)
