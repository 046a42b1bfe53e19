"""Run an external program: its output into a log, its progress into a bar."""

import os
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from diffragan.errors import MissingExtraError, OutputError, ProgramError
from diffragan.progress import Bar, progress_bar

KEPT_LINES = 200
FULL_BYTES = 1 << 20
"""A disk with less room than this counts as full."""
GRACE_SECONDS = 10
BLOCK = 4096
DISK_FULL = ("no space left on device", "disk quota exceeded")
MEMORY = ("bad_alloc", "cannot allocate memory", "out of memory", "allocatememory", "memoryerror")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a program is."""

    iteration: int | None = None
    of: int | None = None
    resolution_angstrom: float | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """What a program prints means, and what to do without it."""

    prefix: str
    """With which the names of its executables begin."""
    remedy: str
    """What to do where it cannot be started."""
    lighter: str
    """What to do where memory is short."""
    read_progress: Callable[[str], Progress]
    reason: Callable[[list[str]], str]
    """Why it stopped, in one sentence, from the last lines of its output."""
    is_bar: Callable[[str], bool] = lambda _: False
    """Whether a line is a step of the program's own progress bar."""


def run_external(
    program: Program,
    command: Sequence[str],
    folder: Path,
    log: Path,
    title: str,
    total: int | None = None,
) -> None:
    """Run a program in a folder, until it is done.

    Parameters
    ----------
    program : Which one.
    command : Words of the command line.
    folder : Where it runs; its files are named relative to it.
    log : File to which its output is added, without its progress bars.
    title : Words beside our bar, which counts iterations.
    total : Iterations, if known.

    Raises
    ------
    MissingExtraError : The program is not there.
    OutputError : The disk is full.
    ProgramError : It failed; the message has its reason and the log's place.
    """
    last: deque[str] = deque(maxlen=KEPT_LINES)
    with log.open("a", encoding="utf-8") as file, progress_bar(total, title) as bar:
        file.write("$ " + " ".join(command) + "\n")
        file.flush()
        with _start(program, command, folder) as process:
            try:
                _follow(program, process, file, last, bar)
                code = process.wait()
            except BaseException:
                _stop(process)
                raise
    if code != 0:
        raise _failure(program, command, folder, log, code, list(last))


def mentions(lines: list[str], phrases: tuple[str, ...]) -> bool:
    """Whether the output mentions one of some phrases."""
    text = "\n".join(lines).lower()
    return any(phrase in text for phrase in phrases)


def _start(program: Program, command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that an interruption ends its ranks with it
            # Lines come as they are printed, of Python programs too.
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
        )
    except OSError as error:
        raise MissingExtraError(
            f"{command[0]}: cannot be started ({error.strerror}); {program.remedy}"
        ) from None


def _follow(
    program: Program,
    process: "subprocess.Popen[bytes]",
    file: IO[str],
    last: deque[str],
    bar: Bar,
) -> None:
    """Write the output into the log, and its progress into the bar."""
    done, note = 0, ""
    for line in _lines(process):
        if program.is_bar(line):
            continue
        file.write(line + "\n")
        file.flush()
        last.append(line)
        now = program.read_progress(line)
        if now.resolution_angstrom is not None:
            note = f"{now.resolution_angstrom:.1f} Å"
        if now.iteration is not None and now.iteration > done:
            bar.advance(now.iteration - done)
            done = now.iteration
        bar.note(note)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Yield lines as they come; some programs end the steps of a bar by a carriage return."""
    assert process.stdout is not None
    left = b""
    while block := os.read(process.stdout.fileno(), BLOCK):
        *whole, left = (left + block).replace(b"\r", b"\n").split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
    if left:
        yield left.decode("utf-8", "replace")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End a program and all it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _failure(
    program: Program, command: Sequence[str], folder: Path, log: Path, code: int, last: list[str]
) -> ProgramError | OutputError:
    names = (Path(word).name for word in command)
    name = next((name for name in names if name.startswith(program.prefix)), command[0])
    if mentions(last, DISK_FULL) or shutil.disk_usage(folder).free < FULL_BYTES:
        return OutputError(
            f"{folder}: the disk is full, and {name} stopped; free some space and run the same "
            "command again to go on"
        )
    if code < 0 or mentions(last, MEMORY):
        why = f"was ended by signal {-code}" if code < 0 else "ran out of memory"
        return ProgramError(
            f"{name} {why}, perhaps for want of memory; its log is {log}; {program.lighter}, or "
            "run the same command again to go on"
        )
    return ProgramError(f"{name} failed: {program.reason(last)}; its log is {log}")
