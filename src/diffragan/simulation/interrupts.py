"""Ctrl-C, which a terminal sends to every process of a command, for the first of them alone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

LEAKS = "ignore::UserWarning:multiprocessing.resource_tracker"
"""A worker that was killed could not give its semaphores back. Python's helper does so in its
place, and would say on the terminal that it did."""


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C from all threads and processes that begin in the context.

    The terminal sends it to every process; only this one's main thread should act on it.
    """
    # Starting this helper of Python's would let the signal through again in the thread that does.
    _start_resource_tracker()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_resource_tracker() -> None:
    """Start Python's helper that cleans up behind processes, and keep it quiet."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = LEAKS if before is None else f"{before},{LEAKS}"
    try:
        resource_tracker.ensure_running()
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before
