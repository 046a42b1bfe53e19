"""Run one of RELION's programs: its output into a log, its progress into a bar."""

import os
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from diffragan.errors import MissingExtraError, OutputError, ProgramError
from diffragan.progress import Bar, progress_bar
from diffragan.reconstruction.relion.messages import (
    DISK_FULL,
    MEMORY,
    is_bar,
    mentions,
    read_progress,
    reason,
)

KEPT_LINES = 200
FULL_BYTES = 1 << 20
"""A disk with less room than this counts as full."""
GRACE_SECONDS = 10
BLOCK = 4096


def run_program(
    command: Sequence[str], folder: Path, log: Path, title: str, total: int | None = None
) -> None:
    """Run a program in a folder, until it is done.

    Parameters
    ----------
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
        with _start(command, folder) as process:
            try:
                _follow(process, file, last, bar)
                code = process.wait()
            except BaseException:
                _stop(process)
                raise
    if code != 0:
        raise _failure(command, folder, log, code, list(last))


def _start(command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that an interruption ends its ranks with it
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except OSError as error:
        raise MissingExtraError(
            f"{command[0]}: cannot be started ({error.strerror}); install RELION, or use "
            "--engine embedded"
        ) from None


def _follow(process: "subprocess.Popen[bytes]", file: IO[str], last: deque[str], bar: Bar) -> None:
    """Write the output into the log, and its progress into the bar."""
    done, note = 0, ""
    for line in _lines(process):
        if is_bar(line):
            continue
        file.write(line + "\n")
        file.flush()
        last.append(line)
        now = read_progress(line)
        if now.resolution_angstrom is not None:
            note = f"{now.resolution_angstrom:.1f} Å"
        if now.iteration is not None and now.iteration > done:
            bar.advance(now.iteration - done)
            done = now.iteration
        bar.note(note)


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[str]:
    """Yield lines as they come; RELION ends the steps of a bar by a carriage return."""
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
    command: Sequence[str], folder: Path, log: Path, code: int, last: list[str]
) -> ProgramError | OutputError:
    program = next((Path(w).name for w in command if Path(w).name.startswith("relion")), command[0])
    if mentions(last, DISK_FULL) or shutil.disk_usage(folder).free < FULL_BYTES:
        return OutputError(
            f"{folder}: the disk is full, and {program} stopped; free some space and run the same "
            "command again to go on"
        )
    if code < 0 or mentions(last, MEMORY):
        why = f"was ended by signal {-code}" if code < 0 else "ran out of memory"
        return ProgramError(
            f"{program} {why}, perhaps for want of memory; its log is {log}; use fewer or smaller "
            "images, or run the same command again to go on"
        )
    return ProgramError(f"{program} failed: {reason(last)}; its log is {log}")
