"""Ctrl-C, which a terminal sends to every process of a command, for the first of them alone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C from all threads and processes that begin in the context.

    The terminal sends it to every process; only this one's main thread should act on it.
    """
    # Starting this helper of Python's would let the signal through again in the thread that does.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
