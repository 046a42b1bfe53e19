"""Dask schedulers and workers as processes of their own, as somebody would start them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from diffragan.io.journal import JOURNAL
from diffragan.io.store import partial_path

PATIENCE_SECONDS = 60


def wait_for(happened: Callable[[], object], what: str) -> None:
    """Wait until something is true."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.01)


@contextmanager
def _process(program: str, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    # The functions of test modules must be found by the workers, too.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", *options]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr
        )
    try:
        yield process
    finally:
        for one in (*descendants(process.pid), process):
            one.kill()
        process.wait()


def descendants(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []


@contextmanager
def scheduler_process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a scheduler; yield its address and process."""
    file = folder / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    with _process("dask_scheduler", folder / "scheduler.log", *options) as process:
        wait_for(lambda: file.is_file() and file.stat().st_size, "the scheduler")
        time.sleep(0.1)
        yield json.loads(file.read_text())["address"], process


@contextmanager
def worker_process(address: str, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker of one thread without a nanny, so that it stays dead when it is killed.

    The scheduler knows it then: on a busy machine it takes longer to start than some wait for it.
    """
    fixed = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder), *options]
    log = folder / f"worker-{time.monotonic_ns()}.log"
    with _process("dask_worker", log, address, *fixed) as process:
        wait_for(lambda: b"Registered to" in log.read_bytes(), "the worker")
        yield process


def items_done(out: Path) -> bool:
    """Whether a data set under way has any finished item."""
    journal = partial_path(out) / JOURNAL
    return journal.is_file() and journal.stat().st_size > 0


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
