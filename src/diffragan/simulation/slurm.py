"""Jobs that carry workers: submitted, replaced when their time is up, and cancelled at the end."""

import signal
from collections.abc import Mapping
from typing import Any

from distributed.core import Status

from diffragan.config.slurm import SlurmSettings
from diffragan.errors import ConfigError

# dask-jobqueue, once imported, answers every interrupt of this process with `sys.exit()`.
_on_interrupt = signal.getsignal(signal.SIGINT)
from dask_jobqueue.slurm import SLURMCluster, SLURMJob  # noqa: E402

signal.signal(signal.SIGINT, _on_interrupt)

PASSED_ON = {
    "queue",
    "account",
    "walltime",
    "interface",
    "python",
    "local_directory",
    "log_directory",
}
"""Settings that dask-jobqueue knows by the same name."""


class Job(SLURMJob):
    """A job that notes why Slurm refused it, where Dask would print a traceback and wait."""

    refusal = ""

    async def start(self) -> None:
        """Submit the job."""
        try:
            await super().start()  # type: ignore[no-untyped-call]
        except (RuntimeError, ValueError, OSError) as error:
            words = str(error).partition("stderr:")[2] or str(error)
            self.refusal = " ".join(words.split())
            self.status = Status.running

    async def close(self) -> None:
        """Cancel the job."""
        await super().close()  # type: ignore[no-untyped-call]
        # Dask insists on it, and dask-jobqueue leaves it as it was.
        self.status = Status.closed


def slurm_cluster(
    settings: SlurmSettings, environment: Mapping[str, str], log_level: int
) -> SLURMCluster:
    """Start a scheduler here whose workers will come from Slurm; none is asked for yet."""
    exports = [f"export {name}={value}" for name, value in environment.items()]
    return SLURMCluster(
        job_cls=Job,  # type: ignore[arg-type]
        cores=settings.workers_per_job,
        processes=settings.workers_per_job,
        memory=f"{settings.memory_gb} GB",
        job_name="diffragan",
        scheduler_options={"dashboard": False, "dashboard_address": ":0"},
        silence_logs=log_level,
        job_script_prologue=[*settings.job_script_prologue, *exports],
        job_extra_directives=list(settings.job_extra_directives),
        **settings.model_dump(include=PASSED_ON, exclude_none=True),
    )


class Jobs:
    """So many jobs, and new ones for those whose workers came and went.

    Jobs that still wait in the queue count as there.
    """

    def __init__(self, cluster: Any, wanted: int) -> None:
        self._cluster = cluster
        self._wanted = wanted
        self._seen: set[str] = set()
        self._missing: set[str] = set()
        self._lost: set[str] = set()

    def submit(self) -> None:
        """Submit the first jobs.

        Raises
        ------
        ConfigError : Slurm refuses one.
        """

        async def settle() -> None:
            await self._cluster

        self._cluster.scale(jobs=self._wanted)
        self._cluster.sync(settle)
        self._check_refusals()

    def replace_lost(self) -> None:
        """Submit a job for each that has run before and was missing at the last look, too.

        Raises
        ------
        ConfigError : Slurm refused one that was submitted at an earlier look.
        """
        self._check_refusals()
        names = {str(worker["name"]) for worker in self._cluster.scheduler_info["workers"].values()}
        here = {job for job in self._cluster.worker_spec if _works(job, names)}
        missing = self._seen - here - self._lost
        if gone := missing & self._missing:
            self._lost |= gone
            self._cluster.scale(jobs=self._wanted + len(self._lost))
        self._seen |= here
        self._missing = missing

    def _check_refusals(self) -> None:
        for job in list(self._cluster.workers.values()):
            if job.refusal:
                raise ConfigError(f"Slurm refused a job: {job.refusal}; change the file of --slurm")


def _works(job: str, workers: set[str]) -> bool:
    """Whether a job has a worker; those of a job with several are named `JOB-0`, `JOB-1`, ..."""
    return any(name == job or name.rpartition("-")[0] == job for name in workers)
