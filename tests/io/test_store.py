"""The store: whole, growing, resumed, damaged, and never in the place of something else."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.errors import InputError, OutputError
from diffragan.io.store import ArraySpec, Store, open_store, partial_path
from diffragan.io.store_writer import JOURNAL, StoreWriter, check_disk, write_item

ITEMS = 4
SPECS = {
    "counts": ArraySpec((ITEMS, 3, 3), "uint32", ("item", "y", "x"), "electrons", "counts"),
    "wave": ArraySpec((ITEMS, 2), "complex64", ("item", "x"), "1", "waves"),
    "number": ArraySpec((ITEMS,), "int32", ("item",), "1", "its number"),
    "axis": ArraySpec((5,), "float64", ("x",), "angstrom", "an axis", per_item=False),
}


def opened(path: Path, seed: int = 0, kind: str = "triplets") -> StoreWriter:
    writer = StoreWriter(path, kind, SPECS, {"seed": seed})
    writer.write_whole({"axis": np.arange(5.0)})
    return writer


def write(writer: StoreWriter, items: list[int]) -> None:
    for item in items:
        counts, wave = np.full((3, 3), item), np.full(2, item * 1j)
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


def chunk(path: Path, name: str = "counts") -> Path:
    return path / name / "c" / "2" / "0" / "0"


def edit(path: Path, **attributes: Any) -> None:
    metadata = json.loads((path / "zarr.json").read_text())
    metadata["attributes"].update(attributes)
    (path / "zarr.json").write_text(json.dumps(metadata))


def test_what_was_written_is_read_with_its_axes_and_unit(store: Path) -> None:
    found = open_store(store, "triplets")
    np.testing.assert_array_equal(found.read("number"), np.arange(ITEMS))
    np.testing.assert_array_equal(found.read("counts", [3, 1])[:, 0, 0], [3, 1])
    np.testing.assert_array_equal(found.read("axis"), np.arange(5.0))
    spec = found.describe("wave")
    assert (spec.shape, spec.dtype, spec.axes) == ((ITEMS, 2), "complex64", ("item", "x"))
    assert found.array_names() == sorted(SPECS)


def test_a_complete_store_leaves_nothing_beside_it(store: Path) -> None:
    assert [path.name for path in store.parent.iterdir()] == [store.name]
    assert not (store / JOURNAL).exists()


def test_the_order_of_items_does_not_show(store: Path, tmp_path: Path) -> None:
    assert files(complete(tmp_path / "other.zarr", [2, 0, 3, 1])) == files(store)


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
    assert files(complete(path, [1, 3])) == files(store)


def test_a_number_cut_off_in_the_journal_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    begun(path, [0])
    with (partial_path(path) / JOURNAL).open("a") as journal:
        journal.write("1")
    assert begun(path, [3]) == {0}
    assert begun(path, []) == {0, 3}


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
    partial_path(path).mkdir()
    (partial_path(path) / "zarr.0123.partial").touch()
    assert begun(path, []) == set()


@pytest.mark.parametrize("name", ["thesis.txt", "photos/cat.jpg"])
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


def test_a_user_s_file_inside_a_growing_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    begun(path, [0])
    (partial_path(path) / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="move it away"):
        opened(path, seed=1)
    assert (partial_path(path) / "notes.txt").exists()


def test_a_complete_store_in_the_growing_store_s_place_is_left_alone(store: Path) -> None:
    store.rename(partial_path(store))
    with pytest.raises(OutputError, match="move it away"):
        opened(store)
    assert chunk(partial_path(store)).exists()


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
    complete(store, [0, 3], seed=1)
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
        ({"format_version": 99}, "format version 99, this program reads version 1"),
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


def test_a_missing_chunk_is_told_from_zeros(store: Path) -> None:
    chunk(store).unlink()
    with pytest.raises(InputError, match="'counts' lacks the chunk c/2/0/0"):
        damaged(store).read("counts", [2])
    with pytest.raises(InputError, match="'counts' lacks the chunk c/2/0/0"):
        damaged(store).read("counts")
    damaged(store).read("counts", [0, 1, 3])


def test_a_truncated_chunk_is_damage(store: Path) -> None:
    chunk(store).write_bytes(chunk(store).read_bytes()[:7])
    with pytest.raises(InputError, match="'counts' is damaged"):
        damaged(store).read("counts", [2])


def test_a_value_that_is_not_finite_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "data.zarr"
    begun(path, ALL)
    write_item(partial_path(path), 1, {"wave": np.array([np.nan, 1j])})
    with pytest.raises(InputError, match="'wave' holds values that are not finite"):
        open_store(complete(path, [])).read("wave")


def test_a_missing_array_and_a_broken_one_are_named(store: Path) -> None:
    with pytest.raises(InputError, match="the array 'absent' is missing"):
        damaged(store).read("absent")
    (store / "wave" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match="the array 'wave' cannot be understood"):
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
