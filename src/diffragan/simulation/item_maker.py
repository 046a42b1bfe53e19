"""What a Dask worker holds to make items: the plan, sent once, and whether it can serve it."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from distributed import Worker, WorkerPlugin, get_worker
from distributed.system import MEMORY_LIMIT

from diffragan.errors import ConfigError, DiffraganError, OutputError

P = TypeVar("P")

DECISIVE_PACKAGES = ("diffragan", "numpy", "torch", "zarr")
"""Packages on whose version the bytes of an item may depend."""


@dataclass(frozen=True, slots=True)
class Work(Generic[P]):
    """Items that `make(plan, item, partial)` writes into the growing store `partial`."""

    make: Callable[[P, int, Path], None]
    """A function of a module, so that workers can import it."""
    plan: P
    partial: Path
    """Absolute, and the same folder for every worker."""
    bytes_each: float
    """Memory that one item at a time takes at its peak [bytes]."""


def decisive_versions() -> dict[str, str]:
    """Versions that all workers must share; builds of one release, as `+cpu`, are the same."""
    return {name: version(name).partition("+")[0] for name in DECISIVE_PACKAGES}


class ItemMaker(WorkerPlugin, Generic[P]):
    """Stays on every worker, also on those that come later or again."""

    def __init__(self, name: str, work: Work[P], *, own: bool) -> None:
        """Prepare for sending; `own` workers were started by this process, on this machine."""
        self.name = name
        self.work = work
        self.own = own
        self.versions = decisive_versions()
        self.refusal: DiffraganError | None = None

    def setup(self, worker: Worker) -> None:
        """Find out whether this worker can serve; its first item will say if it cannot."""
        if self.own:
            logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
        self.refusal = (
            self._other_versions(worker) or self._no_store(worker) or self._no_memory(worker)
        )

    def _other_versions(self, worker: Worker) -> DiffraganError | None:
        here = decisive_versions()
        for name, wanted in self.versions.items():
            if here[name] != wanted:
                return ConfigError(
                    f"the worker {worker.address} has {name} {here[name]}, and this machine "
                    f"{wanted}; install the same version there, for the same data"
                )
        return None

    def _no_store(self, worker: Worker) -> DiffraganError | None:
        if os.access(self.work.partial, os.W_OK | os.X_OK):
            return None
        return OutputError(
            f"{self.work.partial}: the worker {worker.address} cannot write there; choose a folder "
            "that all workers share"
        )

    def _no_memory(self, worker: Worker) -> DiffraganError | None:
        limit = worker.memory_manager.memory_limit or MEMORY_LIMIT
        threads = worker.state.nthreads
        needed = threads * self.work.bytes_each
        if needed <= limit:
            return None
        return ConfigError(
            f"the worker {worker.address} has {limit / 1e9:.1f} GB of memory, and its {threads} "
            f"thread{'s' * (threads > 1)} need {needed / 1e9:.1f} GB; give it more memory or "
            "fewer threads, or lower numerics.pixels"
        )

    def make_items(self, items: Sequence[int]) -> float:
        """Make items one after the other; return how long one took on average [s]."""
        if self.refusal is not None:
            raise self.refusal
        # A setting of the calling thread: sums must be added in one order.
        torch.set_num_threads(1)
        began = time.perf_counter()
        for item in items:
            self.work.make(self.work.plan, item, self.work.partial)
        return (time.perf_counter() - began) / len(items)


def make_items(name: str, items: Sequence[int]) -> float:
    """Let the plugin `name` of the worker that runs this make items."""
    maker: Any = get_worker().plugins[name]
    return float(maker.make_items(items))
