"""A store that grows is killed, damaged, or out of room, and comes out with the same bytes."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diffragan.cli import main
from diffragan.errors import OutputError
from diffragan.io import layout, packing
from diffragan.io.journal import JOURNAL
from diffragan.io.layout import ArraySpec
from diffragan.io.loose_items import loose_items, loose_path
from diffragan.io.store import partial_path
from diffragan.io.store_checks import ITEMS, STORE
from diffragan.io.store_writer import StoreWriter, write_item

COUNT, SIDE = 11, 24
SPECS = {
    "image": ArraySpec((COUNT, SIDE, SIDE), "float32", ("item", "y", "x"), "1", "images"),
    "wave": ArraySpec((COUNT, SIDE, SIDE), "complex64", ("item", "y", "x"), "1", "waves"),
    "number": ArraySpec((COUNT,), "int32", ("item",), "1", "its number"),
}


@pytest.fixture(autouse=True)
def runs_of_four_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "RUN_ITEMS", 4)


def arrays(item: int) -> dict[str, Any]:
    image = np.random.default_rng(item).normal(size=(SIDE, SIDE))
    return {"image": image, "wave": image * 1j, "number": item}


def opened(path: Path) -> StoreWriter:
    return StoreWriter(path, "triplets", SPECS, {})


def complete(path: Path, order: list[int] | None = None) -> Path:
    with opened(path) as writer:
        for item in range(COUNT) if order is None else order:
            if item not in writer.done:
                write_item(writer.partial, item, arrays(item))
                writer.mark(item)
        writer.finish()
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "RUN_ITEMS", 4)
        return files(complete(tmp_path_factory.mktemp("whole") / "data.zarr"))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(COUNT)), stops=st.sets(st.integers(1, COUNT - 1), max_size=3))
def test_any_order_with_any_stops_gives_the_same_bytes(
    undisturbed: dict[str, bytes], tmp_path: Path, order: list[int], stops: set[int]
) -> None:
    path = tmp_path / f"{random.getrandbits(64):x}.zarr"
    for stop in sorted(stops):
        with opened(path) as writer:
            for item in set(order[:stop]) - writer.done:
                write_item(writer.partial, item, arrays(item))
                writer.mark(item)
    assert files(complete(path, order)) == undisturbed


def test_packed_items_lie_in_shards_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "data.zarr") as writer:
        for item in (0, 1, 2, 3, 5):
            write_item(writer.partial, item, arrays(item))
            writer.mark(item)
        assert loose_items(writer.partial / ITEMS) == [5]
        assert (writer.partial / STORE / "wave" / "c" / "0" / "0" / "0").is_file()


def test_an_item_that_was_handed_in_but_not_marked_is_kept(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        write_item(writer.partial, 7, arrays(7))
    with opened(path) as writer:
        assert writer.done == {7}
    assert files(complete(path)) == undisturbed


def test_an_item_handed_in_again_after_it_was_packed_changes_nothing(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        for item in (0, 1, 2, 3, 2):
            write_item(writer.partial, item, arrays(item))
            writer.mark(item)
    with opened(path) as writer:
        assert writer.done == {0, 1, 2, 3}
        assert not loose_items(writer.partial / ITEMS)
    assert files(complete(path)) == undisturbed


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_damaged_loose_item_is_made_again(
    undisturbed: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        for item in (0, 1):
            write_item(writer.partial, item, arrays(item))
            writer.mark(item)
        file = loose_path(writer.partial / ITEMS, 1)
        content = file.read_bytes()
        damaged = {"cut": content[:50], "empty": b"", "flipped": content[:-1] + b"x"}
        file.write_bytes(damaged[damage])
    with opened(path) as writer:
        assert writer.done == {0}
    assert files(complete(path)) == undisturbed


def test_an_item_damaged_before_it_is_packed_is_one_line(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        for item in (0, 1, 2, 3):
            write_item(writer.partial, item, arrays(item))
        loose_path(writer.partial / ITEMS, 1).write_bytes(b"x")
        for item in (0, 1, 2):
            writer.mark(item)
        with pytest.raises(OutputError, match=r"00000001\.item: changed; run the same command"):
            writer.mark(3)
    assert files(complete(path)) == undisturbed


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_shard_that_a_crash_of_the_machine_took_is_made_again(
    undisturbed: dict[str, bytes], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        for item in range(8):
            write_item(writer.partial, item, arrays(item))
            writer.mark(item)
        shard = writer.partial / STORE / "image" / "c" / "1" / "0" / "0"
    if damage == "gone":
        shard.unlink()
    else:
        shard.write_bytes(shard.read_bytes()[:100])
    with opened(path) as writer:
        assert writer.done == {0, 1, 2, 3}
    assert files(complete(path)) == undisturbed


def test_a_line_cut_off_in_the_journal_does_not_count(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "data.zarr"
    with opened(path):
        pass
    with (partial_path(path) / JOURNAL).open("a") as journal:
        journal.write("run 1")
    with opened(path) as writer:
        assert writer.done == set()
    assert files(complete(path)) == undisturbed


def test_a_store_with_items_missing_is_not_finished(tmp_path: Path) -> None:
    with (
        opened(tmp_path / "data.zarr") as writer,
        pytest.raises(OutputError, match="11 of 11 items are missing; run the same command again"),
    ):
        writer.finish()
    assert not (tmp_path / "data.zarr").exists()


@pytest.mark.parametrize(
    "wrong", [{"number": 1}, {**arrays(0), "image": np.zeros((3, 3))}, {**arrays(0), "more": 1}]
)
def test_an_item_of_other_arrays_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with opened(tmp_path / "data.zarr") as writer:
        with pytest.raises(ValueError, match="item"):
            write_item(writer.partial, 0, wrong)
        assert not loose_items(writer.partial / ITEMS)


WRITE = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from diffragan.io import layout
import test_growing_store
layout.RUN_ITEMS = 4
test_growing_store.complete(Path(sys.argv[1]))
"""


def test_a_process_killed_at_any_time_leaves_a_store_to_go_on_with(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "data.zarr"
    journal = partial_path(path) / JOURNAL
    for lines in (1, 4, 5, 9, 12):  # the lines 5 and 10 say that a run is packed
        process = subprocess.Popen([sys.executable, "-c", WRITE, path, Path(__file__).parent])
        until = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < until:
            if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
                break
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    assert files(complete(path) if not path.exists() else path) == undisturbed
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("moment", ["handing in", "packing a large array", "packing a small one"])
def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "data.zarr"

    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def command(_arguments: object) -> None:
        complete(path)

    with pytest.MonkeyPatch.context() as patch:
        if moment == "handing in":
            patch.setattr(Path, "write_bytes", full)
        else:
            small = moment == "packing a small one"
            patch.setattr(packing, "_write_rows" if small else "write_shard", full)
        patch.setattr("diffragan.cli.validate.run", command)
        assert main.run(["validate", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no space left on device; free some space and run the command again" in line
    assert not path.exists()
    assert files(complete(path)) == undisturbed
