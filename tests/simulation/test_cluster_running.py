"""A Dask cluster that somebody else runs: it may be absent, lose its workers, or not fit."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from dask_processes import items_done, kill, scheduler_process, wait_for, worker_process
from distributed import Client

from diffragan.cli.main import run
from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError, DiffraganError, InputError, OutputError
from diffragan.io.store import partial_path
from diffragan.simulation import cluster as places
from diffragan.simulation.cluster import RunningScheduler, check_place
from diffragan.simulation.dataset import simulate_dataset
from diffragan.simulation.distribute import run_items
from diffragan.simulation.item_maker import DECISIVE_PACKAGES, ItemMaker, Work
from tiny_data import TINY, cluster

EXPERIMENT = Experiment.model_validate({**TINY.model_dump(), "orientations": 200})


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dask")


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("serial") / "data.zarr"
    return files(simulate_dataset([cluster("alpha", 0)], EXPERIMENT, 0, out, workers=1))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler with one worker of two threads."""
    folder = tmp_path_factory.mktemp("dask")
    with (
        scheduler_process(folder) as (where, _),
        worker_process(where, folder, "--nthreads", "2", "--memory-limit", "2GB"),
    ):
        yield where


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def simulate(out: Path, place: RunningScheduler) -> Path:
    return simulate_dataset([cluster("alpha", 0)], EXPERIMENT, 0, out, cluster=place)


def when_items_are_made(out: Path, pid: int) -> Thread:
    """Kill a process as soon as a data set grows."""

    def watch() -> None:
        wait_for(lambda: items_done(out), "items")
        kill(pid)

    thread = Thread(target=watch)
    thread.start()
    return thread


def _touch(plan: None, item: int, partial: Path) -> None:
    (partial / str(item)).touch()


def test_a_cluster_that_loses_all_workers_is_left_and_its_successor_goes_on(
    serial: dict[str, bytes], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Workers that were started elsewhere must find the files named relative to this folder.
    monkeypatch.chdir(tmp_path)
    out = Path("data.zarr")
    with scheduler_process(folder) as (where, _):
        place = RunningScheduler(where, patience_seconds=2)
        with worker_process(where, folder) as worker:
            killer = when_items_are_made(out, worker.pid)
            with pytest.raises(OutputError, match=r"no worker for 2 s.*run the same command again"):
                simulate(out, place)
            killer.join()
        assert not out.exists()
        with worker_process(where, folder):
            simulate(out, RunningScheduler(where, patience_seconds=60))
    assert files(out) == serial


def test_a_scheduler_that_is_killed_is_told(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "data.zarr"
    with scheduler_process(folder) as (where, process), worker_process(where, folder):
        killer = when_items_are_made(out, process.pid)
        with pytest.raises(OutputError, match=r"the scheduler is gone.*run the same command again"):
            simulate(out, RunningScheduler(where))
        killer.join()
    assert partial_path(out).is_dir()


def test_a_scheduler_that_does_not_answer_is_one_line_and_nothing_is_written(
    prepared_villin_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(places, "ANSWER_SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    command = f"simulate {prepared_villin_file} --preset quick --out data.zarr"
    assert run([*command.split(), "--scheduler", "tcp://127.0.0.1:9"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("diffragan: no Dask scheduler answers at tcp://127.0.0.1:9 within 0.5 s")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["", "here", "127.0.0.1:8786", "tcp://a", "http://a:80"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="give it as tcp://HOST:PORT"):
        check_place(RunningScheduler(wrong))


def test_the_address_of_a_worker_is_refused(folder: Path) -> None:
    with (
        scheduler_process(folder) as (where, _),
        worker_process(where, folder, "--worker-port", "38761", "--host", "127.0.0.1"),
    ):
        there = "tcp://127.0.0.1:38761"

        def listens() -> bool:
            try:
                check_place(RunningScheduler(there))
            except InputError as error:
                return "a Dask worker answers; give the scheduler's address" in str(error)
            return False

        wait_for(listens, "the worker")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--scheduler tcp://a:1 --slurm b.yaml", "exclude each other"),
        ("--scheduler tcp://a:1 --workers 2", "leave --workers out"),
        ("--scheduler tcp://a:1 --device cuda", "compute on the CPU, and --device is 'cuda'"),
        ("--slurm b.yaml", "needs to know how many workers"),
    ],
)
def test_flags_that_contradict_each_other(
    options: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"simulate {tmp_path} --preset quick --out {tmp_path}/data.zarr {options}"
    assert run(command.split()) == 2
    assert words in capsys.readouterr().err


def refusal(work: Work[None], address: str) -> DiffraganError:
    with pytest.raises(DiffraganError) as caught:
        list(run_items(work, range(4), RunningScheduler(address)))
    return caught.value


def test_a_store_that_workers_do_not_see_is_told(address: str, tmp_path: Path) -> None:
    error = refusal(Work(_touch, None, tmp_path / "elsewhere", 1e8), address)
    assert isinstance(error, OutputError)
    assert "choose a folder that all workers share" in str(error)


def test_workers_with_too_little_memory_are_told(address: str, tmp_path: Path) -> None:
    error = refusal(Work(_touch, None, tmp_path, 1.5e9), address)
    assert isinstance(error, ConfigError)
    assert "has 2.0 GB of memory, and its 2 threads need 3.0 GB" in str(error)
    assert not list(tmp_path.iterdir())


def test_workers_with_other_versions_are_told(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dict.fromkeys(DECISIVE_PACKAGES, "0.0")
    monkeypatch.setattr("diffragan.simulation.item_maker.decisive_versions", lambda: other)
    assert ItemMaker("name", Work(_touch, None, tmp_path, 1), own=False).versions == other
    error = refusal(Work(_touch, None, tmp_path, 1e8), address)
    assert isinstance(error, ConfigError)
    assert "and this machine 0.0; install the same version there" in str(error)


def test_a_running_cluster_serves_one_run_after_another(address: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        work = Work(_touch, None, tmp_path / name, 1e8)
        assert sorted(run_items(work, range(20), RunningScheduler(address))) == list(range(20))
        assert len(list((tmp_path / name).iterdir())) == 20


def test_workers_that_cannot_run_diffragan_are_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = folder / "hidden" / "diffragan"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('none here')")
    with scheduler_process(folder) as (where, _):
        monkeypatch.syspath_prepend(hidden.parent)
        with worker_process(where, folder):
            with Client(where, set_as_default=False) as client:
                client.wait_for_workers(1, timeout=30)
            error = refusal(Work(_touch, None, tmp_path, 1e8), where)
    assert isinstance(error, ConfigError)
    assert "the workers cannot run diffragan" in str(error)
