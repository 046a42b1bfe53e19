"""The command line as a whole: help at once, and every mistake in one line."""

import subprocess
import sys
import time

import pytest

from diffragan.cli.main import COMMANDS, run, usage

START = [sys.executable, "-m", "diffragan"]


def test_help_answers_within_half_a_second() -> None:
    took = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run([*START, "--help"], capture_output=True, check=True)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from diffragan.cli.main import run; run(['--help']); "
        "print([m for m in ('torch', 'numpy', 'scipy', 'zarr', 'matplotlib', 'openmm', 'tyro') "
        "if m in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stderr.strip() == "[]"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        run([name, "--help"])
    assert not stop.value.code
    assert f"diffragan {name}" in capsys.readouterr().out


def test_no_command_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert usage() in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("diffragan 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulat"], "there is no command 'simulat'; did you mean 'simulate'?"),
        (["--verbose"], "there is no command '--verbose'; known: "),
        (
            ["simulate", "x", "--out", "o.zarr", "--orientatons", "3"],
            "did you mean --orientations?",
        ),
        (["simulate", "x", "--out", "o.zarr", "--orientations", "2.5"], "takes a whole number"),
        (["simulate", "x", "--out", "o.zarr", "--seed", "x"], "--seed is 'x'; it takes a whole"),
        (["simulate", "x", "--out", "o.zarr", "--box-angstrom", "big"], "it takes a number"),
        (["simulate", "x", "--out", "o.zarr", "--seed"], "'--seed'"),
        (["simulate", "x"], "--out"),
        (["info"], "Missing from diffragan info"),
    ],
)
def test_a_wrong_word_is_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("diffragan: ")
    assert words in line


def test_a_reader_that_stops_early_is_no_failure() -> None:
    process = subprocess.Popen(
        [*START, "validate", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read().decode()
    process.stderr.close()
    process.wait(60)
    assert "Traceback" not in told
