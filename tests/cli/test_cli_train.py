import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from diffragan.cli.main import run
from diffragan.io import checkpoints
from diffragan.io.checkpoints import LAST, read_run

TINY = """
kind: training
generator: {pixels: 32, width: 4, depth: 3}
discriminator: {width: 4}
batch: 2
validate_every: 2
"""


@pytest.fixture
def command(villin_data: Path, tmp_path: Path) -> list[str]:
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    out = tmp_path / "run"
    return [
        "train",
        str(villin_data),
        "--config",
        str(config),
        "--out",
        str(out),
        "--device",
        "cpu",
    ]


def test_a_run_says_what_it_will_take_and_where_it_is(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, "--steps", "2"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("8 views; generator 0.00")
    assert "GB of memory on cpu" in shown
    assert "trained step 2; best validation FRC" in shown
    assert f"wrote {tmp_path / 'run'}" in shown
    assert run([*command, "--steps", "4", "--resume"]) == 0
    assert run([*command, "--steps", "4"]) == 2
    assert "add --resume" in capsys.readouterr().err


def test_a_time_limit_is_told(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "--steps", "1000000", "--max-minutes", "0.01"]) == 0
    assert "time limit reached at step" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--max-minutes", "0"], "--max-minutes is 0.0"),
        (["--steps", "0"], "steps"),
        (["--preset", "paper-smal"], "did you mean 'paper-small'?"),
        (["--device", "tpu"], "no device 'tpu'"),
        (["--resume"], "no checkpoint to resume"),
        (["--processes", "0"], "--processes is 0"),
        (["--workers", "2"], "give --stream, too"),
        (["--steps", "2", "--epochs", "1"], "give one of them"),
        (["--precision", "float16"], "precision"),
        (["--stream", "papper"], "there is no experiment preset 'papper'"),
    ],
)
def test_a_mistake_is_one_line(
    command: list[str], capsys: pytest.CaptureFixture[str], options: list[str], words: str
) -> None:
    assert run([*command, *options]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_no_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", str(tmp_path / "absent.zarr"), "--out", str(tmp_path / "run")]) == 2
    assert "no such data set" in capsys.readouterr().err


def test_depth_must_fit_the_pixels(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tiny.yaml").write_text("kind: training\ngenerator: {pixels: 32, depth: 6}\n")
    assert run(command) == 2
    assert "multiple of 64" in capsys.readouterr().err


def test_an_option_replaces_the_preset_and_the_file(command: list[str], tmp_path: Path) -> None:
    options = ["--epochs", "1", "--batch", "3", "--accumulate", "3", "--checkpoint-every", "1"]
    assert run([*command, *options]) == 0
    settings = read_run(tmp_path / "run", LAST, ()).description["settings"]
    names = ("steps", "epochs", "batch", "accumulate", "checkpoint_every")
    assert [settings[name] for name in names] == [None, 1, 3, 3, 1]
    # 7 of 8 views are learned from, in 3 steps of 3.
    assert read_run(tmp_path / "run", LAST, ()).description["position"]["step"] == 3


def test_without_its_extra_tensorboard_is_one_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert run([*command, "--steps", "1", "--tensorboard"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "pip install 'diffragan[tensorboard]'" in lines[0]


def test_tensorboard_shows_curves_and_samples(command: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    assert run([*command, "--steps", "2", "--tensorboard"]) == 0
    assert len(list((tmp_path / "run" / "tensorboard").glob("events.*"))) == 1


def test_a_full_disk_leaves_the_last_checkpoint(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save, calls = checkpoints.save_file, []

    def full_at_last(tensors: Any, path: Path) -> None:
        calls.append(path)
        if len(calls) > 12:  # two checkpoints and a part of the third
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        save(tensors, path)

    monkeypatch.setattr(checkpoints, "save_file", full_at_last)
    assert run([*command, "--steps", "8"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "diffragan:" in line]
    assert len(lines) == 1
    assert "no space left on device; free some space" in lines[0]
    assert "safetensors" in lines[0]
    kept = read_run(tmp_path / "run", LAST)
    assert kept.description["position"]["step"] == 0
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert not [name for name in names if name.startswith(".")]
    monkeypatch.setattr(checkpoints, "save_file", save)
    assert run([*command, "--steps", "4", "--resume"]) == 0
