"""Workers of this machine: they may die, the first process may die, and the data are the same."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from dask_processes import descendants, items_done, kill, wait_for

from diffragan.config.load import load_experiment
from diffragan.errors import InputError, OutputError
from diffragan.io.store import partial_path
from diffragan.simulation.cluster import LocalWorkers, open_cluster
from diffragan.simulation.dataset import simulate_dataset
from diffragan.simulation.distribute import run_items
from diffragan.simulation.item_maker import Work
from diffragan.structures.prepared import PreparedStructure

MANY = 40


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def workers_of(pid: int) -> list[psutil.Process]:
    return [child for child in descendants(pid) if _is_worker(child)]


def _is_worker(child: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:
        # Ended already; perhaps nobody has taken its exit code yet.
        return False


@pytest.fixture(scope="module")
def serial(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    experiment = load_experiment("quick", overrides={"orientations": MANY})
    out = tmp_path_factory.mktemp("serial") / "data.zarr"
    return simulate_dataset([villin], experiment, 0, out, workers=1)


def simulate_command(structure: Path, out: Path) -> list[str]:
    program = [sys.executable, "-m", "diffragan", "simulate", str(structure), "--out", str(out)]
    options = ["--preset", "quick", "--device", "cpu", "--workers", "2"]
    return [*program, *options, "--orientations", str(MANY)]


def begun(arguments: list[str], out: Path) -> subprocess.Popen[str]:
    """Start a run, and come back when its workers write."""
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: items_done(out) or process.poll() is not None, "items")
    return process


def test_a_worker_that_is_killed_at_work_costs_nothing_but_time(
    villin: PreparedStructure, serial: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data.zarr"
    process = begun(simulate_command(villin.path, out), out)
    first, second = workers_of(process.pid)
    kill(first.pid)
    assert process.poll() is None
    assert second.is_running()
    said, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert f"{MANY}/{MANY}" in told
    assert len(told.splitlines()) == 1
    assert said.splitlines()[-1] == f"wrote {out}"
    assert files(out) == files(serial)


def test_workers_end_with_the_killed_first_process_and_a_restart_writes_the_same_bytes(
    villin: PreparedStructure, serial: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data.zarr"
    arguments = simulate_command(villin.path, out)
    process = begun(arguments, out)
    workers = workers_of(process.pid)
    assert len(workers) == 2
    kill(process.pid)
    process.communicate()
    psutil.wait_procs(workers, timeout=5)
    assert not any(worker.is_running() for worker in workers)
    assert not out.exists()
    again = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    assert "going on with an unfinished run" in again.stderr
    assert files(out) == files(serial)


def test_ctrl_c_in_the_terminal_ends_all_processes_with_one_line(
    villin: PreparedStructure, tmp_path: Path
) -> None:
    out = tmp_path / "data.zarr"
    process = begun([*simulate_command(villin.path, out)[:-1], "4000"], out)
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1].startswith("diffragan: interrupted; run the same command again")
    assert len(told.splitlines()) == 2
    assert not any(worker.is_running() for worker in workers)
    assert partial_path(out).is_dir()


def _note(plan: str, item: int, partial: Path) -> None:
    if plan == "refuses" and item == 2:
        raise InputError("item 2 cannot be made")
    if plan == "full" and item == 2:
        raise OSError(28, "No space left on device", str(partial / "chunk"))
    if plan == "deadly" and item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    (partial / str(item)).touch()


def made_locally(plan: str, folder: Path, items: range = range(8)) -> list[int]:
    return list(run_items(Work(_note, plan, folder, 1e8), items, LocalWorkers(2)))


def test_an_item_s_own_error_arrives_unchanged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^item 2 cannot be made$"):
        made_locally("refuses", tmp_path)
    assert not descendants_that_work()


def test_a_full_disk_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        made_locally("full", tmp_path)
    assert caught.value.errno == 28
    assert caught.value.filename == str(tmp_path / "chunk")


def test_an_item_that_ends_every_worker_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So soon that a worker is still starting, in the place of the last that ended.
    monkeypatch.setattr("diffragan.simulation.cluster.CLOSE_SECONDS", 1)
    with pytest.raises(OutputError, match="4 workers ended while they made item 2, perhaps"):
        made_locally("deadly", tmp_path)
    assert not descendants_that_work()


def descendants_that_work() -> list[psutil.Process]:
    """Those that have not ended a moment later, for as long as the system takes to end one."""
    return psutil.wait_procs(workers_of(os.getpid()), timeout=2)[1]


def test_millions_of_items_are_handed_out_a_few_at_a_time(tmp_path: Path) -> None:
    began = time.monotonic()
    made = run_items(Work(_note, "", tmp_path, 1e8), range(10**7), LocalWorkers(2))
    first = [next(made) for _ in range(100)]
    made.close()
    assert len(set(first)) == 100
    assert max(first) < 1000
    assert time.monotonic() - began < 30
    assert threading.active_count() < 50


def test_closing_that_takes_long_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    close = LocalCluster.close

    def slow(self: LocalCluster, timeout: float | None = None) -> None:
        close(self, timeout)
        raise TimeoutError(f"timed out after {timeout} s.")

    monkeypatch.setattr(LocalCluster, "close", slow)
    with pytest.raises(OutputError, match="this is it"), open_cluster(LocalWorkers(1)):
        raise OutputError("this is it")
