from pathlib import Path

import pytest

from diffragan.cli.main import run

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
