import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.errors import OutputError
from diffragan.io.files import atomic_path, output_folder, write_json, write_text


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    final = tmp_path / "map.mrc"
    final.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_path(final) as beside:
        _stop_half_way(beside)
    assert final.read_text() == "old"
    assert list(tmp_path.iterdir()) == [final]


def test_the_new_file_appears_only_at_the_end(tmp_path: Path) -> None:
    final = tmp_path / "map.mrc"
    with atomic_path(final) as beside:
        beside.write_text("new")
        assert not final.exists()
        assert beside.parent == final.parent
        assert beside.suffix == ".mrc"
    assert final.read_text() == "new"
    assert list(tmp_path.iterdir()) == [final]


def test_a_folder_in_the_way_or_missing_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        write_text(tmp_path, "x")
    with pytest.raises(OutputError, match="does not exist"):
        write_text(tmp_path / "absent" / "file", "x")


def test_json_is_sorted_and_never_holds_nan(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    value = {
        "z": float("nan"),
        "a": np.array([1.5, np.inf]),
        "tensor": torch.tensor([2.0]),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "where": Path("x/y"),
        "pair": (None, 1),
    }
    write_json(path, value)
    text = path.read_text()
    assert text.index('"a"') < text.index('"z"')
    assert json.loads(text) == {
        "a": [1.5, None],
        "count": 3,
        "flag": True,
        "pair": [None, 1],
        "tensor": [2.0],
        "where": "x/y",
        "z": None,
    }


def test_json_refuses_what_it_cannot_keep(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="complex"):
        write_json(tmp_path / "x.json", {"wave": 1 + 2j})
    assert not list(tmp_path.iterdir())


def test_output_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    folder = output_folder(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert output_folder(folder) == folder


def test_output_folder_refuses_a_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(OutputError, match="a file stands"):
        output_folder(file)
    with pytest.raises(OutputError, match="a file stands"):
        output_folder(file / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_says_when_it_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot"):
        output_folder(tmp_path / "new")
    with pytest.raises(OutputError, match="cannot be written to"):
        output_folder(tmp_path)


def _stop_half_way(path: Path) -> None:
    path.write_text("half of the new")
    path.with_name("absent").read_text()
