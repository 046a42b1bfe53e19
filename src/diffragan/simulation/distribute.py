"""Items made by many workers: a bounded number handed out, the lost ones made again.

An item depends on the plan and its number alone, so it does not matter who makes it, when, or how
often. Dask makes the items of a worker that died again elsewhere, and gives up on those that
ended several workers.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from secrets import token_hex
from statistics import median
from typing import TypeVar

from distributed import Future
from distributed.scheduler import KilledWorker

from diffragan.errors import ConfigError, OutputError
from diffragan.simulation.cluster import (
    Cluster,
    LocalWorkers,
    Place,
    RunningScheduler,
    open_cluster,
)
from diffragan.simulation.item_maker import ItemMaker, Work, make_items

P = TypeVar("P")

AHEAD = 2
"""Groups of items handed out for each thread, so that none waits for its next one."""
GROUP_SECONDS = 0.25
"""Short items are handed out in groups of this length: each group costs the scheduler some 3 ms,
and a worker that dies loses the group it works on."""
LARGEST_GROUP = 64
SAMPLES = 15
"""Groups whose time is asked for."""
ATTEMPTS = 4
"""How often the plan is sent to workers that are lost meanwhile."""
LOOK_SECONDS = 5.0
"""Time between two looks at which workers there are."""


def run_items(work: Work[P], items: Sequence[int], place: Place) -> Iterator[int]:
    """Make `items` on the workers of `place`, and yield each one's number when it is written.

    Raises
    ------
    ConfigError : Workers have other versions or too little memory, or as `open_cluster`.
    InputError : No scheduler answers.
    OutputError : Workers do not see the store, an item ended several of them, or all are gone.
    DiffraganError, OSError : As an item raised it.
    """
    with open_cluster(place) as cluster:
        yield from _Run(cluster, place, work, items).finished()


class _Run:
    """One data set on one cluster."""

    def __init__(self, cluster: Cluster, place: Place, work: Work[P], items: Sequence[int]) -> None:
        self._cluster = cluster
        self._client = cluster.client
        self._place = place
        self._name = f"diffragan-{token_hex(8)}"
        self._maker = ItemMaker(self._name, work, own=isinstance(place, LocalWorkers))
        self._left = iter(items)
        self._flying: dict[str, tuple[Future[float], list[int]]] = {}
        self._suspects: deque[list[int]] = deque()
        self._landed: SimpleQueue[Future[float]] = SimpleQueue()
        self._seconds: deque[float] = deque(maxlen=SAMPLES)
        self._threads = 0
        self._last_look = float("-inf")
        self._last_worker = time.monotonic()

    def finished(self) -> Iterator[int]:
        """Yield the number of each item that is written."""
        self._send_plan()
        try:
            more = True
            while more or self._flying or self._suspects:
                self._look()
                more = self._hand_out()
                with suppress(Empty):
                    yield from self._account(self._landed.get(timeout=self._look_seconds))
        finally:
            self._withdraw()

    def _send_plan(self) -> None:
        """Leave the plan with every worker; one that dies meanwhile breaks off the sending."""
        for attempt in range(ATTEMPTS):
            time.sleep(attempt)
            try:
                self._client.register_plugin(self._maker)
            except OSError:
                continue
            except Exception as error:  # noqa: BLE001 - Dask has no narrower one for this
                raise ConfigError(
                    f"the workers cannot run diffragan ({error}); install the version of this "
                    "machine there"
                ) from None
            return
        raise self._gone("the scheduler is gone")

    @property
    def _look_seconds(self) -> float:
        return min(LOOK_SECONDS, self._place.patience_seconds / 4)

    def _look(self) -> None:
        """Count the threads there are now and then, and give up when there were none for long."""
        now = time.monotonic()
        if now - self._last_look < self._look_seconds:
            return
        self._last_look = now
        try:
            self._threads = sum(self._client.nthreads().values())
        except OSError:
            raise self._gone("the scheduler is gone") from None
        self._cluster.replace_lost()
        if self._threads:
            self._last_worker = now
        elif now - self._last_worker > self._place.patience_seconds:
            raise self._gone(
                f"no worker for {self._place.patience_seconds:g} s (their logs may say why)"
            )

    def _hand_out(self) -> bool:
        """Keep all threads busy; return whether items are left to hand out."""
        if self._suspects:
            if not self._flying:
                self._submit(self._suspects[0])
            return True
        while len(self._flying) < AHEAD * self._threads:
            group = list(islice(self._left, self._group_size()))
            if not group:
                return False
            self._submit(group)
        return True

    def _submit(self, group: list[int]) -> None:
        key = f"{self._name}-{group[0]}-{token_hex(4)}"
        future = self._client.submit(make_items, self._name, group, key=key, pure=False)
        self._flying[key] = (future, group)
        future.add_done_callback(self._landed.put)

    def _group_size(self) -> int:
        if len(self._seconds) < SAMPLES:
            return 1
        return max(1, min(LARGEST_GROUP, int(GROUP_SECONDS / median(self._seconds))))

    def _account(self, future: Future[float]) -> list[int]:
        """Return the items of a group that is written, or raise what kept it from being so."""
        _, group = self._flying.pop(str(future.key))
        tried_alone = bool(self._suspects) and self._suspects[0] is group
        if future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker) and not tried_alone:
                # A group that waits on the worker which another one ends counts as its end too:
                # only one that ends workers by itself is to blame.
                self._suspects.append(group)
                return []
            raise self._blame(error, group)
        if future.status == "cancelled":
            raise self._gone("the scheduler is gone")
        if tried_alone:
            self._suspects.popleft()
        if len(self._seconds) < SAMPLES:
            # The worker or the scheduler may be gone since, and the answer with it; the items are
            # written.
            with suppress(TimeoutError, OSError, CancelledError):
                self._seconds.append(future.result(timeout=LOOK_SECONDS))
        return group

    def _blame(self, error: BaseException | None, group: list[int]) -> BaseException:
        if isinstance(error, KilledWorker):
            named = f"item {group[0]}" if len(group) == 1 else f"items {group[0]} to {group[-1]}"
            return OutputError(
                f"{error.allowed_failures + 1} workers ended while they made {named}, perhaps for "
                "lack of memory; run the same command again to go on, with fewer workers or more "
                "memory for each"
            )
        assert error is not None
        # Where in Dask it passed through is of no use to anyone.
        return error

    def _gone(self, what: str) -> OutputError:
        return OutputError(
            f"{what}: the items made so far are kept; run the same command again to go on when "
            "there are workers"
        )

    def _withdraw(self) -> None:
        """Leave no plan behind on workers that go on."""
        self._flying.clear()
        if isinstance(self._place, RunningScheduler):
            with suppress(OSError):
                self._client.unregister_worker_plugin(self._name)
