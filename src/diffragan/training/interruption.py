"""Stopping on SIGINT or SIGTERM between two steps, never within one."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
ECHO_SECONDS = 1.0
"""Ctrl-C reaches one of several processes twice: from the terminal, and from the one that started
it."""


@contextmanager
def stop_requests(echo_seconds: float = 0.0) -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether the user asked to stop.

    A step that is cut in half would leave one network ahead of the other, and a checkpoint of it
    could not be resumed exactly. A second signal stops at once. Only the main thread hears signals;
    elsewhere nothing is asked.

    Parameters
    ----------
    echo_seconds : A second signal within this time is taken for the first one [s].
    """
    asked_at: float | None = None

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if asked_at is not None and now - asked_at >= echo_seconds:
            raise KeyboardInterrupt
        asked_at = asked_at or now

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield lambda: asked_at is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
