"""The store: whole, growing, resumed, damaged, and never in the place of something else."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.errors import InputError, OutputError
from diffragan.io import layout
from diffragan.io.layout import CHECKSUM, ArraySpec
from diffragan.io.shards import encode_chunk, read_chunks, write_shard
from diffragan.io.store import Store, open_store, partial_path
from diffragan.io.store_checks import ITEMS as LOOSE
from diffragan.io.store_checks import STORE, check_disk
from diffragan.io.store_writer import StoreWriter, write_item

ITEMS = 5
SIDE = 20
SPECS = {
    "counts": ArraySpec((ITEMS, SIDE, SIDE), "uint32", ("item", "y", "x"), "count", "counts"),
    "wave": ArraySpec((ITEMS, 2), "complex64", ("item", "half"), "1", "waves"),
    "number": ArraySpec((ITEMS,), "int32", ("item",), "1", "its number"),
    "measured": ArraySpec((SIDE,), "bool", ("x",), "1", "what was measured", per_item=False),
    "x": ArraySpec(
        (SIDE,), "float64", ("x",), "angstrom", "an axis", False, values=tuple(range(SIDE))
    ),
}


@pytest.fixture(autouse=True)
def runs_of_two_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three shards of an array: two full ones and a last one with a place to spare."""
    monkeypatch.setattr(layout, "RUN_ITEMS", 2)


def opened(path: Path, seed: int = 0, kind: str = "triplets") -> StoreWriter:
    writer = StoreWriter(path, kind, SPECS, {"seed": seed})
    writer.write_whole({"measured": np.arange(SIDE) > 0})
    return writer


def write(writer: StoreWriter, items: list[int]) -> None:
    for item in items:
        counts, wave = np.full((SIDE, SIDE), item), np.full(2, item * 1j)
        write_item(writer.partial, item, {"counts": counts, "wave": wave, "number": item})
        writer.mark(item)


def begun(path: Path, items: list[int], seed: int = 0) -> set[int]:
    """Write some items and stop; return those that were found done at the start."""
    with opened(path, seed) as writer:
        found = set(writer.done)
        write(writer, items)
    return found


def complete(path: Path, items: list[int], seed: int = 0, kind: str = "triplets") -> Path:
    """Write these items as the last ones."""
    with opened(path, seed, kind) as writer:
        write(writer, items)
        writer.finish()
    return path


ALL = list(range(ITEMS))


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return complete(tmp_path / "data.zarr", ALL)


def shard(path: Path, name: str = "counts") -> Path:
    """Items 2 and 3."""
    return path / name / "c" / "1" / "0" / "0"


def edit(path: Path, **attributes: Any) -> None:
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"].update(attributes)
    (path / "zarr.json").write_text(json.dumps(metadata))


def test_what_was_written_is_read_with_its_axes_and_unit(store: Path) -> None:
    found = open_store(store, "triplets")
    np.testing.assert_array_equal(found.read("number"), np.arange(ITEMS))
    np.testing.assert_array_equal(found.read("counts", [3, 1])[:, 0, 0], [3, 1])
    np.testing.assert_array_equal(found.read("number", [3, 1, 1]), [3, 1, 1])
    np.testing.assert_array_equal(found.read("counts")[:, -1, -1], np.arange(ITEMS))
    np.testing.assert_array_equal(found.read("x"), np.arange(SIDE))
    for name, spec in SPECS.items():
        told = found.describe(name)
        assert (told.shape, told.dtype, told.axes) == (spec.shape, spec.dtype, spec.axes)
        assert (told.unit, told.meaning) == (spec.unit, spec.meaning)
    assert found.array_names() == sorted([*SPECS, CHECKSUM])


def test_a_complete_store_leaves_nothing_beside_it(store: Path) -> None:
    assert [path.name for path in store.parent.iterdir()] == [store.name]
    assert {path.name for path in store.iterdir()} == {*SPECS, CHECKSUM, "zarr.json"}
    assert sorted(path.name for path in (store / "counts" / "c").iterdir()) == ["0", "1", "2"]


def test_the_order_of_items_does_not_show(store: Path, tmp_path: Path) -> None:
    assert files(complete(tmp_path / "other.zarr", [2, 0, 4, 3, 1])) == files(store)


def test_an_unfinished_store_has_no_final_name_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    begun(path, [0])
    assert not path.exists()
    with pytest.raises(InputError, match="not finished; run the command that makes it again"):
        open_store(path)
    with pytest.raises(InputError, match="unfinished"):
        open_store(partial_path(path))


def test_a_run_is_taken_up_where_it_stopped_and_says_so(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "again.zarr"
    begun(path, [0, 2])
    assert begun(path, []) == {0, 2}
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "going on with an unfinished run, 2 items are done" in told
    assert files(complete(path, [1, 3, 4])) == files(store)


def test_an_unfinished_run_with_other_settings_is_discarded_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.zarr"
    begun(path, [0, 2], seed=0)
    assert begun(path, [], seed=1) == set()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "with other settings or inputs discarded, 2 items" in told


def test_a_run_killed_while_it_made_the_arrays_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    (partial_path(path) / STORE).mkdir(parents=True)
    (partial_path(path) / STORE / "zarr.0123.partial").touch()
    assert begun(path, []) == set()


@pytest.mark.parametrize(
    "name", ["thesis.txt", "photos/cat.jpg", "items/list.txt", "store/car.jpg", "store/c/x.jpg"]
)
def test_a_folder_of_a_user_in_the_growing_store_s_place_is_left_alone(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "data.zarr"
    precious = partial_path(path) / name
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    with pytest.raises(OutputError, match="move it away or choose another name"):
        opened(path)
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("folder", [".", STORE, LOOSE])
def test_a_user_s_file_inside_a_growing_store_is_left_alone(tmp_path: Path, folder: str) -> None:
    path = tmp_path / "data.zarr"
    begun(path, [0])
    note = partial_path(path) / folder / "notes.txt"
    note.write_text("mine")
    with pytest.raises(OutputError, match="move it away"):
        opened(path, seed=1)
    assert note.exists()


def test_a_complete_store_in_the_growing_store_s_place_is_left_alone(store: Path) -> None:
    store.rename(partial_path(store))
    with pytest.raises(OutputError, match="move it away"):
        opened(store)
    assert shard(partial_path(store)).exists()


def test_a_file_in_the_growing_store_s_place_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    partial_path(path).touch()
    with pytest.raises(OutputError, match="move it away"):
        opened(path)


def _hold(path: Path, ready: Any, done: Any) -> None:
    with opened(path):
        ready.set()
        done.wait(60)


def test_two_runs_do_not_write_one_store(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "data.zarr", ready, done))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(OutputError, match="another run is writing"):
            opened(tmp_path / "data.zarr", seed=1)
    finally:
        done.set()
        other.join()
    assert begun(tmp_path / "data.zarr", [], seed=1) == set()


def test_an_older_store_of_the_kind_is_replaced_when_the_new_one_is_whole(store: Path) -> None:
    begun(store, [1, 2], seed=1)
    assert open_store(store).attributes["seed"] == 0
    complete(store, [0, 3, 4], seed=1)
    assert open_store(store).attributes["seed"] == 1
    assert [path.name for path in store.parent.iterdir()] == [store.name]


def test_a_link_to_a_store_stays_a_link(store: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.zarr"
    link.symlink_to(store)
    complete(link, ALL, seed=1)
    assert link.is_symlink()
    assert open_store(store).attributes["seed"] == 1


def test_a_store_of_another_kind_is_not_replaced(store: Path) -> None:
    with pytest.raises(OutputError, match="holds 'triplets', which 'phased' will not replace"):
        opened(store, kind="phased")


def test_a_store_of_another_kind_is_not_read(store: Path) -> None:
    with pytest.raises(InputError, match=r"'phased' is needed \(as `diffragan phase` writes\)"):
        open_store(store, "phased")


@pytest.mark.parametrize("content", ["", "x"])
def test_a_file_in_the_way_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "data.zarr"
    path.write_text(content)
    with pytest.raises(OutputError, match="a file stands where the data set should go"):
        opened(path)
    with pytest.raises(InputError, match="not a Zarr data set"):
        open_store(path)


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    path.mkdir()
    (path / "x").touch()
    with pytest.raises(OutputError, match="will not be replaced"):
        opened(path)
    with pytest.raises(InputError, match="not a Zarr data set"):
        open_store(path)


def test_a_store_is_not_put_into_another(store: Path) -> None:
    with pytest.raises(OutputError, match="lies inside the data set"):
        opened(store / "inner.zarr")


def test_a_name_must_say_that_it_is_a_store(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"ends in \.zarr"):
        opened(tmp_path / "data")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"format": "other"}, "not a data set of diffragan"),
        ({"format_version": 99}, "format version 99, this program reads version 2"),
    ],
)
def test_a_store_of_another_program_or_version_is_refused(
    store: Path, attributes: dict[str, Any], words: str
) -> None:
    edit(store, **attributes)
    with pytest.raises(InputError, match=words):
        open_store(store)


def damaged(store: Path) -> Store:
    return open_store(store)


def test_a_missing_shard_is_told_from_zeros(store: Path) -> None:
    shard(store).unlink()
    for items in ([2], None):
        with pytest.raises(InputError, match="'counts' lacks the chunk c/1/0/0"):
            damaged(store).read("counts", items)
    damaged(store).read("counts", [0, 1, 4])


def test_a_missing_chunk_of_a_small_array_is_told_from_zeros(store: Path) -> None:
    (store / "number" / "c" / "0").unlink()
    for items in ([2], None):
        with pytest.raises(InputError, match="'number' lacks the chunk c/0"):
            damaged(store).read("number", items)


def test_a_shard_without_one_of_its_items_is_told_from_zeros(store: Path) -> None:
    spec = SPECS["counts"]
    (first,) = read_chunks(shard(store), [0], 2, spec)
    write_shard(shard(store), [encode_chunk(first)], 2)
    with pytest.raises(InputError, match="item 3: its shard lacks the chunk 1"):
        damaged(store).read("counts", [3])
    with pytest.raises(InputError, match="'counts' lacks the item 3"):
        damaged(store).check_files("counts")
    damaged(store).read("counts", [2])


def test_a_truncated_shard_is_damage(store: Path) -> None:
    shard(store).write_bytes(shard(store).read_bytes()[:30])
    with pytest.raises(InputError, match="'counts' is damaged"):
        damaged(store).read("counts", [2])
    with pytest.raises(InputError, match="'counts' is damaged"):
        damaged(store).check_files("counts")


def test_a_value_that_is_not_finite_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    with opened(path) as writer:
        write(writer, ALL[1:])
        wave, counts = np.array([np.nan, 1j]), np.zeros((SIDE, SIDE))
        write_item(writer.partial, 0, {"wave": wave, "counts": counts, "number": 0})
        writer.mark(0)
        writer.finish()
    with pytest.raises(InputError, match="'wave' holds values that are not finite"):
        open_store(path).read("wave")


def test_a_missing_array_and_a_broken_one_are_named(store: Path) -> None:
    with pytest.raises(InputError, match="the array 'absent' is missing"):
        damaged(store).read("absent")
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["consolidated_metadata"]["metadata"]["wave"]["codecs"] = [{"name": "secret"}]
    (store / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(InputError, match="not a Zarr data set"):
        damaged(store).read("wave")


def test_a_missing_attribute_is_named(store: Path) -> None:
    with pytest.raises(InputError, match="'experiment' is damaged"):
        damaged(store).experiment()
    with pytest.raises(InputError, match="the attribute 'method' is missing"):
        damaged(store).require(["method"], [])


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such data set"):
        open_store(tmp_path / "absent.zarr")


def test_a_disk_too_small_is_told_before_work_begins(tmp_path: Path) -> None:
    huge = {"wave": ArraySpec((10**12, 1000), "complex64", ("item", "x"), "1", "waves")}
    with pytest.raises(OutputError, match=r"needs up to 8e\+06 GB, and .* are free"):
        check_disk(tmp_path / "new" / "data.zarr", huge)
    with pytest.raises(OutputError, match="choose another disk"):
        StoreWriter(tmp_path / "data.zarr", "triplets", huge, {})
    assert not list(tmp_path.iterdir())
