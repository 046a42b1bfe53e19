"""Where the workers of a simulation run: this machine, a running Dask scheduler, or Slurm jobs.

Dask is imported when a cluster is opened, because that takes half a second.
"""

import asyncio
import logging
import os
import re
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
from shutil import which
from typing import TYPE_CHECKING

from diffragan.config.slurm import SlurmSettings
from diffragan.errors import ConfigError, InputError, MissingExtraError
from diffragan.progress import tell
from diffragan.simulation.interrupts import interrupts_held_back

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

ANSWER_SECONDS = 10
"""How long a scheduler may take to answer."""
CLOSE_SECONDS = 10
PATIENCE_SECONDS = 60.0
"""How long a cluster may be without any worker before the run ends."""
SILENT = logging.CRITICAL + 1
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Threads that wait must not take the cores that other workers compute on.
    "OMP_WAIT_POLICY": "PASSIVE",
}
CONFIGURATION = {
    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
    "distributed.comm.timeouts.connect": f"{ANSWER_SECONDS}s",
    # Lost jobs are replaced by `slurm.Jobs`, which knows those of several workers, too.
    "distributed.deploy.lost-worker-timeout": "1000 weeks",
}
ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}")
MISMATCHED_PACKAGE = re.compile(r"^\| *([A-Za-z]\w*) *\|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LocalWorkers:
    """Processes of this machine, restarted when they die, ended with this one."""

    count: int
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class RunningScheduler:
    """A Dask cluster that somebody started; its workers see the same files as this process."""

    address: str
    """As `tcp://HOST:PORT`."""
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class SlurmJobs:
    """Workers in jobs that this process submits to Slurm, and cancels at its end."""

    settings: SlurmSettings
    workers: int

    @property
    def patience_seconds(self) -> float:
        """Jobs may wait in the queue for long."""
        return 60 * self.settings.wait_minutes


Place = LocalWorkers | RunningScheduler | SlurmJobs


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers that can be given work."""

    client: "Client"
    replace_lost: Callable[[], None]
    """Asks for new workers in the place of those that ended, where nobody else does."""


@contextmanager
def open_cluster(place: Place) -> Iterator[Cluster]:
    """Connect to the workers of a place; what was started for it is ended with the context.

    Nothing of Dask reaches the terminal. `check_place` comes before.

    Raises
    ------
    ConfigError : Slurm refuses the jobs.
    InputError : The scheduler does not answer any more.
    """
    import dask  # noqa: PLC0415 - half a second that work in this process need not wait for
    from distributed.utils import silence_logging_cmgr  # noqa: PLC0415

    with dask.config.set(CONFIGURATION), silence_logging_cmgr(SILENT):
        match place:
            case LocalWorkers():
                opened = _local(place)
            case RunningScheduler():
                opened = _running(place)
            case SlurmJobs():
                opened = _slurm(place)
        with opened as cluster:
            yield cluster


def check_place(place: Place) -> None:
    """Refuse what cannot work, before anything is written.

    Raises
    ------
    ConfigError : The address is not one, or this machine has no Slurm.
    InputError : No scheduler answers.
    MissingExtraError : Slurm is asked for without dask-jobqueue.
    """
    if isinstance(place, RunningScheduler):
        if not ADDRESS.fullmatch(place.address):
            raise ConfigError(
                f"'{place.address}' is not the address of a scheduler; give it as tcp://HOST:PORT"
            )
        _ask(place.address)
    if isinstance(place, SlurmJobs):
        if place.workers < 1:
            raise ConfigError(f"the number of workers is {place.workers}; use 1 or more")
        if find_spec("dask_jobqueue") is None:
            raise MissingExtraError(
                "Slurm needs the package dask-jobqueue; install it with "
                "`pip install 'diffragan[cluster]'`"
            )
        if which("sbatch") is None:
            raise ConfigError(
                "there is no `sbatch` on this machine; run this where Slurm takes jobs, or leave "
                "--slurm out"
            )


@contextmanager
def _local(place: LocalWorkers) -> Iterator[Cluster]:
    from distributed import LocalCluster  # noqa: PLC0415

    with interrupts_held_back():
        cluster = LocalCluster(
            n_workers=place.count,
            threads_per_worker=1,
            processes=True,
            # Nothing to look at in a browser; port 0, because 8787 may be another's.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            # The memory was foretold; Dask's own limits would count the page cache.
            memory_limit=None,
            silence_logs=SILENT,
        )
    try:
        with _client(cluster.scheduler_address) as client:
            yield Cluster(client, lambda: None)
    finally:
        nannies = list(cluster.workers.values())
        for nanny in nannies:
            nanny.close_gracefully()
        # Each of these is that of the worker's successors, too.
        processes = [nanny.process for nanny in nannies]
        if not _close(cluster):
            # Dask waits until a worker has started before it ends it, and forgets it if it is
            # told to wait no longer.
            _end(process.pid for process in processes if process is not None)


@contextmanager
def _running(place: RunningScheduler) -> Iterator[Cluster]:
    with _client(place.address) as client:
        yield Cluster(client, lambda: None)


@contextmanager
def _slurm(place: SlurmJobs) -> Iterator[Cluster]:
    from diffragan.simulation.slurm import Jobs, slurm_cluster  # noqa: PLC0415

    with interrupts_held_back():
        cluster = slurm_cluster(place.settings, WORKER_ENVIRONMENT, SILENT)
    try:
        jobs = Jobs(cluster, ceil(place.workers / place.settings.workers_per_job))
        jobs.submit()
        with _client(cluster.scheduler_address) as client:
            yield Cluster(client, jobs.replace_lost)
    finally:
        _close(cluster)


def _close(cluster: "SpecCluster") -> bool:
    """End a cluster, and say whether that was done in time.

    What went wrong before is what users should hear, and not that closing took long.
    """
    try:
        cluster.close(timeout=CLOSE_SECONDS)
    except TimeoutError:
        return False
    return True


def _end(pids: Iterable[int | None]) -> None:
    """End processes at once; None stands for one that has ended already."""
    for pid in pids:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _ask(address: str) -> None:
    """Make sure that a scheduler answers: Dask's client waits for anything else for ever."""
    from distributed import rpc  # noqa: PLC0415

    async def kind() -> str:
        async with rpc(address) as there:
            return str((await there.identity()).get("type"))

    async def answer() -> str:
        return await asyncio.wait_for(kind(), ANSWER_SECONDS)

    try:
        # A thread of its own, because a notebook's has an event loop already.
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(asyncio.run, answer()).result()
    except (OSError, ValueError):
        raise _no_answer(address) from None
    if found != "Scheduler":
        raise InputError(f"{address}: a Dask {found.lower()} answers; give the scheduler's address")


def _no_answer(address: str) -> InputError:
    return InputError(
        f"no Dask scheduler answers at {address} within {ANSWER_SECONDS} s; start one with "
        "`dask scheduler`, or correct the address"
    )


@contextmanager
def _client(address: str) -> Iterator["Client"]:
    from distributed import Client  # noqa: PLC0415
    from distributed.versions import VersionMismatchWarning  # noqa: PLC0415

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
        except (OSError, ValueError):
            raise _no_answer(address) from None
    for warning in warned:
        if issubclass(warning.category, VersionMismatchWarning):
            packages = dict.fromkeys(MISMATCHED_PACKAGE.findall(str(warning.message)))
            tell(f"{address}: other versions than here of {', '.join(packages)}; this may fail")
    try:
        yield client
    finally:
        # With its scheduler gone, Dask may stumble over its own time limit.
        with suppress(RuntimeError):
            client.close(timeout=CLOSE_SECONDS)
