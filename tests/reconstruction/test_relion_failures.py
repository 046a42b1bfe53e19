"""What RELION's failures become, with programs that stand in for it."""

import signal
import sys
import threading
from pathlib import Path

import pytest

from diffragan.errors import MissingExtraError, OutputError, ProgramError
from diffragan.reconstruction.relion.commands import (
    RelionSettings,
    continue_command,
    initial_model_command,
    refine_command,
)
from diffragan.reconstruction.relion.messages import read_progress, reason
from diffragan.reconstruction.relion.program import Relion, find_relion
from diffragan.reconstruction.relion.results import last_iteration
from diffragan.reconstruction.relion.running import run_program

HELP = (
    "Options: --i () : Input\\n--o () : Out\\n--{way} (false) : Initial model\\n"
    "--iter (50) : Iterations"
)


def put(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def pretend(folder: Path, version: str, way: str = "sgd") -> None:
    text = HELP.format(way=way)
    say = f'[ "$1" = --version ] && printf "RELION version: {version} \\n" || printf "{text}\\n"'
    for name in ("relion_refine", "relion_reconstruct", "relion_refine_mpi"):
        put(folder, name, say)


def test_it_is_asked_what_it_can_do(programs: Path) -> None:
    pretend(programs, "3.1.3")
    assert find_relion().initial_model == "sgd"
    pretend(programs, "5.0.0-commit-4b2d", "grad")
    found = find_relion()
    assert found.version == "5.0.0-commit-4b2d"
    assert found.initial_model == "grad"
    command = initial_model_command(found, "in.star", "out/run", RelionSettings())
    assert "--grad" in command
    assert "--sgd_ini_iter" not in command  # nor its value
    assert command[command.index("--iter") + 1] == "200"


def test_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"not on the path; install RELION 3.1 or later"):
        find_relion()


@pytest.mark.parametrize(
    ("version", "way", "words"),
    [
        ("3.0.8", "sgd", "RELION 3.0 is too old"),
        ("2.1", "sgd", "RELION 2.1 is too old"),
        ("4.0", "nothing", "knows neither --grad nor --sgd"),
        ("unknown", "sgd", "names no version"),
    ],
)
def test_too_old_or_strange(programs: Path, version: str, way: str, words: str) -> None:
    pretend(programs, version, way)
    with pytest.raises(MissingExtraError, match=words):
        find_relion()


def failing(programs: Path, tmp_path: Path, body: str) -> Path:
    put(programs, "relion_refine", body)
    log = tmp_path / "relion.log"
    run_program(["relion_refine", "--i", "x"], tmp_path, log, "RELION")
    return log


CRASH = """echo "in: ./src/image.h, line 264" >&2
echo "ERROR:" >&2
echo "Cannot read file none.mrcs It does not exist" >&2
echo "=== Backtrace  ===" >&2
echo "relion_refine(_ZN11RelionErrorC2E+0x7a) [0x55d196a1613a]" >&2
echo "==================" >&2
exit 1"""


def test_a_crash_is_one_line_with_the_place_of_the_log(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        failing(programs, tmp_path, CRASH)
    said = str(caught.value)
    assert said == (
        "relion_refine failed: Cannot read file none.mrcs It does not exist; its log is "
        f"{tmp_path / 'relion.log'}"
    )
    assert "Backtrace" in (tmp_path / "relion.log").read_text()


def test_a_full_disk_and_a_lack_of_memory_are_told(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the disk is full"):
        failing(programs, tmp_path, 'echo "write: No space left on device"; exit 1')
    with pytest.raises(ProgramError, match="ran out of memory"):
        failing(programs, tmp_path, 'echo "what():  std::bad_alloc"; exit 1')
    with pytest.raises(ProgramError, match="signal 9, perhaps for want of memory"):
        failing(programs, tmp_path, "kill -9 $$")


def test_its_progress_bars_stay_out_of_the_log(programs: Path, tmp_path: Path) -> None:
    body = r"""printf ' Gradient Descent iteration 2 of 7\n'
printf '   1/  20 sec ...~~(,_,">\r   2/  20 sec ....~~(,_,">\n'
printf ' done'"""
    log = failing(programs, tmp_path, body)
    assert log.read_text().splitlines()[1:] == [" Gradient Descent iteration 2 of 7", " done"]


def test_an_interruption_ends_it_and_all_it_started(programs: Path, tmp_path: Path) -> None:
    put(programs, "relion_refine", f"sleep 60 & echo $! > {tmp_path}/child; wait")
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.5, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_program(["relion_refine"], tmp_path, tmp_path / "relion.log", "RELION")
    child = (tmp_path / "child").read_text().strip()
    state = Path(f"/proc/{child}/status")
    assert sys.platform != "linux" or not state.exists() or "zombie" in state.read_text()


def test_what_it_prints_is_understood() -> None:
    progress = read_progress(" Stochastic Gradient Descent iteration 3 of 7")
    assert (progress.iteration, progress.of) == (3, 7)
    assert read_progress(" Expectation iteration 12").iteration == 12
    assert read_progress(" Gradient optimisation iteration 5 of 200 with 60").of == 200
    assert read_progress(" Auto-refine: Resolution= 10.6667 (no gain)").resolution_angstrom
    assert read_progress(" Maximization ...").iteration is None
    assert reason(["Segmentation fault"]) == "Segmentation fault"
    assert reason([]) == "it said nothing"


def test_the_last_whole_iteration_is_found(tmp_path: Path) -> None:
    assert last_iteration(tmp_path) is None
    for number in (0, 1, 2):
        for part in ("optimiser", "data", "sampling", "half1_model"):
            (tmp_path / f"run_it{number:03d}_{part}.star").write_text("data_")
    (tmp_path / "run_it002_data.star").write_text("")  # as when it was killed while writing
    found = last_iteration(tmp_path)
    assert found is not None
    assert found[0] == 1


def test_refinement_has_three_ranks_and_no_ctf() -> None:
    relion = Relion("3.1.3", frozenset({"i", "o", "continue", "auto_refine"}), ("mpirun", "-n"))
    settings = RelionSettings(ranks=1)
    command = refine_command(relion, "in.star", "first.mrc", "out/run", settings, local=True)
    assert command[:4] == ["mpirun", "-n", "3", "relion_refine_mpi"]
    assert "--ctf" not in command
    again = continue_command(relion, "o/run_it001_optimiser.star", "o/run", settings, parallel=True)
    assert again[4:6] == ["--continue", "o/run_it001_optimiser.star"]
