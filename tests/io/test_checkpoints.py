import errno
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from diffragan.errors import InputError, OutputError
from diffragan.io.checkpoints import (
    DESCRIPTION,
    Checkpoint,
    fill_module,
    has_checkpoint,
    read_checkpoint,
    read_run,
    write_checkpoint,
)


def example(value: float = 1.0) -> Checkpoint:
    tensors = {
        "generator": {"weight": torch.full((2, 3), value), "step": torch.tensor(7.0)},
        "random": {"torch": torch.arange(5, dtype=torch.uint8)},
    }
    return Checkpoint(tensors, {"step": 3, "loss": value})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    write_checkpoint(run / "best", example())
    return run


def test_what_was_written_is_read(run: Path) -> None:
    back = read_run(run)
    assert back.description["step"] == 3
    for part, tensors in example().tensors.items():
        assert set(back.tensors[part]) == set(tensors)
        for name, value in tensors.items():
            assert torch.equal(back.tensors[part][name], value)


def test_a_part_can_be_read_alone(run: Path) -> None:
    assert set(read_run(run, "best", ("random",)).tensors) == {"random"}


def test_a_newer_one_replaces_it_and_nothing_is_left_beside(run: Path) -> None:
    write_checkpoint(run / "best", example(2.0))
    assert read_run(run).description["loss"] == 2
    assert [path.name for path in run.iterdir()] == ["best"]


def test_a_write_that_fails_leaves_the_old_one(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diffragan.io.checkpoints.write_json", fail)
    with pytest.raises(OSError, match="No space"):
        write_checkpoint(run / "best", example(2.0))
    assert read_run(run).description["loss"] == 1
    assert [path.name for path in run.iterdir()] == ["best"]


def test_a_stop_between_the_two_renames_loses_nothing(run: Path) -> None:
    (run / "best").rename(run / ".best.old")
    assert has_checkpoint(run, "best")
    assert read_run(run).description["loss"] == 1


def test_a_foreign_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / "thesis.tex").touch()
    with pytest.raises(OutputError, match="will not be replaced"):
        write_checkpoint(tmp_path / "last", example())
    assert (tmp_path / "last" / "thesis.tex").exists()


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        read_run(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no checkpoint 'best'"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, None])
def test_damaged_weights(run: Path, content: bytes | None) -> None:
    path = run / "best" / "generator.safetensors"
    path.write_bytes(path.read_bytes()[:-4] if content is None else content)
    with pytest.raises(InputError, match="damaged or not safetensors"):
        read_run(run)


def test_missing_weights(run: Path) -> None:
    (run / "best" / "random.safetensors").unlink()
    with pytest.raises(InputError, match=r"random\.safetensors: .* missing"):
        read_run(run)


def test_missing_description(run: Path) -> None:
    (run / "best" / DESCRIPTION).unlink()
    with pytest.raises(InputError, match="not a checkpoint"):
        read_run(run)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "{}"])
def test_damaged_description(run: Path, text: str) -> None:
    (run / "best" / DESCRIPTION).write_text(text)
    with pytest.raises(InputError, match=DESCRIPTION):
        read_checkpoint(run / "best")


def test_another_version(run: Path) -> None:
    path = run / "best" / DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 99}))
    with pytest.raises(InputError, match="version 99"):
        read_run(run)


@pytest.mark.parametrize("tensors", [{}, {"weight": torch.ones(3, 2), "bias": torch.ones(2)}])
def test_weights_of_another_network(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> None:
    with pytest.raises(InputError, match="do not fit the configuration"):
        fill_module(torch.nn.Linear(2, 2), tensors, tmp_path)


def test_weights_of_this_network(tmp_path: Path) -> None:
    network = torch.nn.Linear(2, 2)
    fill_module(network, {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}, tmp_path)
    assert torch.equal(network.weight, torch.ones(2, 2))


@contextmanager
def small_files() -> Iterator[None]:
    """Let the system refuse to write more than 4 kB into a file, as a full disk would.

    No longer than needed: the test runner's own output may be a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_the_systems_refusal_of_tensors_is_its_own_error_and_the_old_one_stays(run: Path) -> None:
    large = Checkpoint({"generator": {"weight": torch.zeros(10_000)}}, {"loss": 2})
    with pytest.raises(OSError, match=r"generator\.safetensors") as caught, small_files():
        write_checkpoint(run / "best", large)
    assert caught.value.errno == errno.EFBIG
    assert read_run(run).description["loss"] == 1
    assert [path.name for path in run.iterdir()] == ["best"]


DIES_WHILE_WRITING = """
import os, pathlib, sys, torch
from diffragan.io import checkpoints
folder = pathlib.Path(sys.argv[1])
calls, last = 0, None
def counted(function):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == last:
            os._exit(9)  # nothing is cleaned up, as when the process is killed
        return function(*arguments, **options)
    return call
checkpoints.save_file = counted(checkpoints.save_file)
checkpoints.write_json = counted(checkpoints.write_json)
checkpoints.os.fsync = counted(os.fsync)
checkpoints.shutil.rmtree = counted(checkpoints.shutil.rmtree)
pathlib.Path.rename = counted(pathlib.Path.rename)
new = checkpoints.Checkpoint({"generator": {"weight": torch.full((2,), 2.0)}}, {"loss": 2})
for place in range(1, 12):
    if not (child := os.fork()):
        last = place
        checkpoints.write_checkpoint(folder, new)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    kept = checkpoints.read_checkpoint(folder)
    print(code, kept.description["loss"], kept.tensors["generator"]["weight"].sum().item())
    checkpoints.write_checkpoint(folder, checkpoints.Checkpoint(
        {"generator": {"weight": torch.full((2,), 1.0)}}, {"loss": 1}))
"""


def test_a_process_killed_anywhere_in_a_write_leaves_the_old_or_the_new_one(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "last"
    first = {"generator": {"weight": torch.full((2,), 1.0)}}
    write_checkpoint(folder, Checkpoint(first, {"loss": 1}))
    done = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_WRITING, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [tuple(float(word) for word in line.split()) for line in done.stdout.splitlines()]
    assert {code for code, *_ in rows} == {9, 0}
    assert {loss for _, loss, _ in rows} == {1, 2}
    assert all(total == 2 * loss for _, loss, total in rows)
    assert [path.name for path in folder.parent.iterdir()] == ["last"]
