"""Work on many batches on all cores, with results in order and the same for any number of them."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

import torch

from diffragan.errors import ConfigError
from diffragan.threads import one_thread

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 2
"""Batches handed out for each thread, so that none waits and few lie in memory."""


def in_order(
    work: Callable[[A], B], batches: Iterable[A], threads: int, stop: Event | None = None
) -> Iterator[B]:
    """Yield what `work` makes of each batch, in their order.

    Each thread computes with one core, so that sums are added in one order. Threads share memory,
    and PyTorch lets others run while it computes.

    Parameters
    ----------
    stop : Set when nobody waits for results any more, for work that is long and can end early.
    """
    waiting: deque[Future[B]] = deque()
    # Linear algebra asks each thread how many it may use, and takes all where nothing was said.
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    with one_thread(), pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(work, batch))
                if len(waiting) >= AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # After an interruption nobody waits for what was handed out.
            if stop is not None:
                stop.set()
            for future in waiting:
                future.cancel()


def end_if(stop: Event) -> None:
    """End long work whose results nobody waits for any more.

    Raises
    ------
    KeyboardInterrupt : `stop` is set.
    """
    if stop.is_set():
        raise KeyboardInterrupt


def thread_count(wanted: int | None, device: str = "cpu") -> int:
    """Return how many threads to use: as many as wanted, or all cores; one feeds a GPU.

    Raises
    ------
    ConfigError : `wanted` is not positive.
    """
    if wanted is not None and wanted < 1:
        raise ConfigError(f"the number of workers is {wanted}; use 1 or more")
    if wanted is not None:
        return wanted
    return len(os.sched_getaffinity(0)) if device == "cpu" else 1
