"""Measure how long waves take: ours on one process a core, as `simulate` works, and any other."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from statistics import median
from types import TracebackType
from typing import Self

import torch

from diffragan.io.machine import peak_memory_bytes
from diffragan.simulation.wave_task import WaveTask

LEAST_SECONDS = 0.5
"""A shorter measurement says more about the clock and the neighbours than about the work."""


@dataclass(frozen=True, slots=True)
class Race:
    """Seconds a wave of two runners, measured in turns."""

    ours: float
    theirs: float
    speedup: float
    """Median over the turns of theirs over ours."""


class WaveWorkers:
    """Processes of one thread each that compute waves at the same time, again and again."""

    def __init__(self, tasks: Sequence[WaveTask], count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there, tuple(tasks)), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)
        # The first waves fill caches; the second ones tell how many make a measurement.
        self._together(len(tasks))
        seconds = self._together(len(tasks)) / len(tasks)
        self._each = len(tasks) * ceil(1.2 * LEAST_SECONDS / (seconds * len(tasks)))

    def seconds_per_wave(self) -> float:
        """Wall time over all waves that the processes compute together [s]."""
        return self._together(self._each) / (self._each * len(self._pipes))

    def peak_memory_bytes(self) -> int:
        """Return the most memory that one of the processes has held [bytes]."""
        return max(self._ask(0))

    def _together(self, each: int) -> float:
        began = time.perf_counter()
        self._ask(each)
        return time.perf_counter() - began

    def _ask(self, waves: int) -> list[int]:
        try:
            for pipe in self._pipes:
                pipe.send(waves)
            return [pipe.recv() for pipe in self._pipes]
        except (EOFError, ConnectionError):
            # A process that raises nothing and is gone was killed, by all experience for memory.
            raise MemoryError from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()


def _work(pipe: Connection, tasks: tuple[WaveTask, ...]) -> None:
    """Compute as many waves as the pipe says, until it closes; answer with the peak memory."""
    torch.set_num_threads(1)
    try:
        while True:
            for number in range(pipe.recv()):
                tasks[number % len(tasks)].wave()
            pipe.send(peak_memory_bytes())
    except (EOFError, KeyboardInterrupt, ConnectionError):
        return


def timed(work: Callable[[], object], least_seconds: float = LEAST_SECONDS) -> float:
    """Seconds of one call, from as many as fill the least time."""
    began = time.perf_counter()
    calls = 0
    while calls == 0 or time.perf_counter() - began < least_seconds:
        work()
        calls += 1
    return (time.perf_counter() - began) / calls


def race(
    workers: WaveWorkers, theirs: Callable[[], object], turns: int, step: Callable[[], None]
) -> Race:
    """Time the workers and another runner in turns, so that both meet the same neighbours.

    Parameters
    ----------
    workers : Ours.
    theirs : Computes one wave; was called before.
    turns : How often each is timed.
    step : Called after each turn.
    """
    pairs = []
    for _ in range(turns):
        pairs.append((workers.seconds_per_wave(), timed(theirs)))
        step()
    return Race(
        ours=median(ours for ours, _ in pairs),
        theirs=median(other for _, other in pairs),
        speedup=median(other / ours for ours, other in pairs),
    )
