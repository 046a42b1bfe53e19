"""All the way through Slurm: an `sbatch` that runs each job here, a `scancel` that ends it."""

import os
import signal
import sys
from pathlib import Path

import pytest
from dask_processes import wait_for

from diffragan.config.experiment import Experiment
from diffragan.config.slurm import SlurmSettings
from diffragan.errors import ConfigError, MissingExtraError
from diffragan.simulation import cluster as places
from diffragan.simulation.cluster import SlurmJobs, check_place
from diffragan.simulation.dataset import simulate_dataset
from tiny_data import TINY, cluster

EXPERIMENT = Experiment.model_validate({**TINY.model_dump(), "orientations": 40})
SBATCH = """#!/bin/sh
cp "$1" {folder}/job-$$.sh
setsid sh {folder}/job-$$.sh >{folder}/job-$$.log 2>&1 &
echo $! >>{folder}/running
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
echo "$1" >>{folder}/cancelled
kill -9 -- -"$1"
"""
REFUSING = """#!/bin/sh
echo "sbatch: error: invalid partition specified: fast" >&2
exit 1
"""

slurm_module = pytest.importorskip(
    "diffragan.simulation.slurm", reason="needs the extra `cluster`", exc_type=ImportError
)


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text.format(folder=folder))
    (folder / name).chmod(0o755)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "slurm"
    folder.mkdir()
    program(folder, "sbatch", SBATCH)
    program(folder, "scancel", SCANCEL)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    return folder


def ended(job: int) -> bool:
    try:
        os.killpg(job, signal.SIG_DFL)
    except ProcessLookupError:
        return True
    return False


def test_jobs_write_the_same_bytes_as_one_process_and_are_cancelled(
    slurm: Path, tmp_path: Path
) -> None:
    settings = SlurmSettings(
        interface="lo",
        queue="fast",
        local_directory=str(tmp_path),
        job_extra_directives=("--nice",),
    )
    alpha = cluster("alpha", 0)
    place = SlurmJobs(settings, workers=2)
    out = simulate_dataset([alpha], EXPERIMENT, 0, tmp_path / "jobs.zarr", cluster=place)
    serial = simulate_dataset([alpha], EXPERIMENT, 0, tmp_path / "serial.zarr", workers=1)
    for file in serial.rglob("*"):
        if file.is_file():
            assert (out / file.relative_to(serial)).read_bytes() == file.read_bytes()
    assert sum(1 for _ in out.rglob("*")) == sum(1 for _ in serial.rglob("*"))
    jobs = (slurm / "running").read_text().split()
    assert len(jobs) == 2
    assert sorted((slurm / "cancelled").read_text().split()) == sorted(jobs)
    wait_for(lambda: all(ended(int(job)) for job in jobs), "the end of the jobs")
    script = next(slurm.glob("job-*.sh")).read_text()
    for line in ("#SBATCH -p fast", "#SBATCH -t 04:00:00", "#SBATCH --nice", "OMP_NUM_THREADS=1"):
        assert line in script


def test_what_slurm_says_against_a_job_is_passed_on(slurm: Path, tmp_path: Path) -> None:
    program(slurm, "sbatch", REFUSING)
    place = SlurmJobs(SlurmSettings(interface="lo"), workers=1)
    with pytest.raises(ConfigError, match="refused a job: sbatch: error: invalid partition"):
        simulate_dataset(
            [cluster("alpha", 0)], EXPERIMENT, 0, tmp_path / "data.zarr", cluster=place
        )


def test_without_slurm_or_the_extra_nothing_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = SlurmJobs(SlurmSettings(), workers=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="there is no `sbatch` on this machine"):
        check_place(place)
    monkeypatch.setattr(places, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'diffragan\[cluster\]'"):
        check_place(place)
    with pytest.raises(ConfigError, match="number of workers is 0"):
        check_place(SlurmJobs(SlurmSettings(), workers=0))


class TwoJobs:
    """Stands for a `SLURMCluster` of two jobs with two workers each."""

    def __init__(self) -> None:
        self.worker_spec = {f"slurm-{job}": None for job in range(2)}
        self.workers: dict[str, object] = {}
        self.here: list[str] = []

    @property
    def scheduler_info(self) -> dict[str, dict[str, dict[str, str]]]:
        return {"workers": {name: {"name": name} for name in self.here}}

    def scale(self, jobs: int) -> None:
        self.worker_spec = {f"slurm-{job}": None for job in range(jobs)}


def test_only_jobs_that_ran_and_stay_away_are_replaced() -> None:
    slurm = TwoJobs()
    jobs = slurm_module.Jobs(slurm, 2)
    looks = [
        (["slurm-0-0", "slurm-0-1"], 2),  # the other job waits in the queue
        (["slurm-0-1"], 2),  # a nanny restarts a worker
        ([], 2),  # perhaps the last one is restarted, too
        (["slurm-0-0"], 2),
        ([], 2),
        ([], 3),
        ([], 3),  # replaced once
        (["slurm-1-0", "slurm-2-1"], 3),
    ]
    for here, wanted in looks:
        slurm.here = here
        jobs.replace_lost()
        assert len(slurm.worker_spec) == wanted
