"""Batches made ahead in the background, and how long the steps waited for them."""

import threading
import time
from collections.abc import Generator
from contextlib import closing, suppress
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Generic, Self, TypeVar

import torch

Made = TypeVar("Made")

AHEAD = 3
"""Batches that lie ready at most."""
POLL_SECONDS = 0.1
"""How often the background looks whether it is still wanted while the queue is full."""


class Feed(Generic[Made]):
    """What a generator makes, made by a thread ahead of whoever asks: a context manager.

    Reading, decompressing and transforming release Python's lock, so a thread is enough.
    """

    def __init__(self, made: Generator[Made, None, None]) -> None:
        self.waited_s = 0.0
        """Time spent in `next` so far [s]."""
        self._made = made
        self._ready: Queue[Made | BaseException] = Queue(AHEAD)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="feed", daemon=True)

    def __enter__(self) -> Self:
        """Begin to make batches."""
        # Fixes the number for this thread, before the other one sets that of all threads to come:
        # sums in another order would give a resumed run other bits.
        torch.set_num_threads(torch.get_num_threads())
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait until the batch under way is done."""
        self._closed.set()
        with suppress(Empty):
            while True:
                self._ready.get_nowait()
        self._thread.join()

    def next(self) -> Made:
        """Return the next batch; what went wrong in the background is raised here."""
        began = time.perf_counter()
        made = self._ready.get()
        self.waited_s += time.perf_counter() - began
        if isinstance(made, BaseException):
            raise made
        return made

    def _work(self) -> None:
        # Of this thread alone. Views are small: threads that wait for each other on busy cores take
        # ten times as long as one, and take the cores from the step.
        torch.set_num_threads(1)
        try:
            with closing(self._made):
                for made in self._made:
                    if not self._put(made):
                        return
        except BaseException as error:  # noqa: BLE001, it is raised by `next`
            self._put(error)

    def _put(self, made: Made | BaseException) -> bool:
        while not self._closed.is_set():
            with suppress(Full):
                self._ready.put(made, timeout=POLL_SECONDS)
                return True
        return False
