"""`diffragan train --preset unrolled`: what it says, and what it refuses in one line."""

from pathlib import Path

import pytest

from diffragan.cli import train_unrolled
from diffragan.cli.main import run
from diffragan.io.checkpoints import BEST, LAST, read_run
from diffragan.phasing import weights
from tiny_data import tiny_data
from tiny_unrolled import some_weights

TINY = """
kind: unrolled-training
network: {pixel_angstrom: 1.0, stages: 2, width: 8, depth: 2, memory: 2}
conditions: {box_angstrom: [20, 32]}
batch: 2
steps: 2
validation_views: 2
validate_every: 2
precision: 32-true
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_data(tmp_path_factory.mktemp("data") / "data.zarr").store.path


@pytest.fixture
def command(data: Path, tmp_path: Path) -> list[str]:
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    out = str(tmp_path / "run")
    return ["train", str(data), "--config", str(config), "--out", out, "--device", "cpu"]


def complaint(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(command) == 2
    bars = ("training ", "reading waves ")
    lines = [one for one in capsys.readouterr().err.splitlines() if not one.startswith(bars)]
    assert len(lines) == 1, lines
    return lines[0]


def test_a_run_says_what_it_takes_and_how_it_is_used(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("4 waves; unrolled network, 0.01 M parameters; about 0.4 GB of memory")
    assert "trained step 2; best validation FRC" in shown
    assert f"`diffragan phase --weights {tmp_path / 'run'}`" in shown
    assert run([*command, "--resume"]) == 0
    assert "add --resume to go on" in complaint(command, capsys)


def test_options_replace_the_preset_and_the_file(command: list[str], tmp_path: Path) -> None:
    options = ["--steps", "1", "--batch", "1", "--seed", "5", "--checkpoint-every", "1"]
    assert run([*command, *options, "--preset", "unrolled", "--precision", "bf16-mixed"]) == 0
    settings = read_run(tmp_path / "run", LAST, ()).description["settings"]
    names = ("preset", "steps", "batch", "seed", "checkpoint_every", "precision")
    assert [settings[name] for name in names] == ["unrolled", 1, 1, 5, 1, "bf16-mixed"]
    assert settings["network"]["width"] == 8


def test_a_time_limit_is_told(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--steps", "1000000", "--max-minutes", "0.01"]) == 0
    assert "time limit reached at step" in capsys.readouterr().out


def test_a_specialised_network_starts_from_a_general_one(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = some_weights(tmp_path / "general", stir=0.05)
    assert run([*command, "--start-from", str(given)]) == 0
    assert read_run(tmp_path / "run", BEST, ()).description["started_from"] == str(given)
    # `packaged` stands for the weights that come with the package.
    monkeypatch.setattr(weights, "packaged_weights", lambda: given)
    assert train_unrolled._weights(Path("packaged")) == given
    assert train_unrolled._weights(Path("elsewhere")) == Path("elsewhere")
    assert train_unrolled._weights(None) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--stream", "quick"], "--stream is not for the unrolled network"),
        (["--workers", "1"], "--workers is not for the unrolled network"),
        (["--epochs", "1"], "--epochs is not for the unrolled network"),
        (["--accumulate", "2"], "--accumulate is not for the unrolled network"),
        (["--processes", "2"], "--processes is not for the unrolled network"),
        (["--tensorboard"], "--tensorboard is not for the unrolled network"),
        (["--max-minutes", "0"], "--max-minutes is 0.0"),
        (["--max-minutes", "nan"], "--max-minutes is nan"),
        (["--steps", "0"], "steps"),
        (["--precision", "float16"], "precision"),
        (["--device", "tpu"], "no device 'tpu'"),
        (["--preset", "paper-small"], "is of kind 'unrolled-training', which preset"),
        (["--preset", "unroled"], "is of kind 'unrolled-training', which preset"),
        (["--resume"], "no checkpoint to resume"),
        (["--validation", "absent.zarr"], "absent.zarr: no such data set"),
        (["--start-from", "absent"], "absent: no such folder of weights"),
    ],
)
def test_a_mistake_is_one_line(
    command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert words in complaint([*command, *options], capsys)


def test_two_data_sets_and_none(
    command: list[str], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "2 data sets were given" in complaint(["train", str(data), *command[1:]], capsys)
    absent = ["train", "absent.zarr", *command[2:]]
    assert "absent.zarr: no such data set" in complaint(absent, capsys)


def test_weights_to_start_from_are_not_for_the_paper_s_network(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "run"), "--device", "cpu", "--start-from", "packaged"]
    said = complaint(["train", str(data), "--preset", "paper-small", *options], capsys)
    assert "--start-from is for the preset unrolled" in said
    said = complaint(["train", str(data), *options], capsys)
    assert "--start-from is for the preset unrolled" in said


def test_a_mistyped_preset_may_have_meant_this_one(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "run"), "--device", "cpu", "--preset", "unrolld"]
    assert "did you mean 'unrolled'?" in complaint(["train", str(data), *options], capsys)


def test_a_full_disk_is_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors import SafetensorError

    from diffragan.io import checkpoints

    def full(_tensors: object, _path: Path) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    assert "no space left on device" in complaint(command, capsys)
