"""The settings of Slurm jobs that carry the workers of a simulation."""

from typing import Literal

from pydantic import Field

from diffragan.config.settings import Settings


class SlurmSettings(Settings):
    """What each job asks of Slurm, as the keys of dask-jobqueue's `SLURMCluster`."""

    kind: Literal["slurm"] = "slurm"
    queue: str | None = None
    """Partition; Slurm's default when left out."""
    account: str | None = None
    workers_per_job: int = Field(1, ge=1, le=1024)
    """Workers, and so cores, of one job."""
    memory_gb: float = Field(4.0, gt=0, le=1e5)
    """Memory of one job [GB]."""
    walltime: str = Field("04:00:00", pattern=r"^(\d+-)?\d{1,2}:\d{2}:\d{2}$")
    """Longest run of one job; a job that ends is replaced while there is work."""
    wait_minutes: float = Field(720.0, gt=0, le=1e5)
    """How long the jobs may wait in the queue without any worker running [min]."""
    interface: str | None = None
    """Network interface over which the jobs reach this machine, as `ib0`."""
    python: str | None = None
    """Interpreter of the workers, with this version of diffragan; this one's when left out."""
    local_directory: str | None = None
    """Fast local storage of a node, for Dask's own files."""
    log_directory: str | None = None
    """Folder for the jobs' output; Slurm's default when left out."""
    job_script_prologue: tuple[str, ...] = ()
    """Lines of the shell before the workers start, as `module load python`."""
    job_extra_directives: tuple[str, ...] = ()
    """Further options of `sbatch`, as `--constraint=zen4`."""
