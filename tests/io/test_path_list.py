"""Lists of files: relative to where the list lies, whatever the working folder."""

from pathlib import Path

import pytest

from diffragan.errors import InputError
from diffragan.io.path_list import read_path_list, write_path_list


def test_a_list_names_files_from_its_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "split").mkdir()
    (tmp_path / "prepared").mkdir()
    monkeypatch.chdir(tmp_path)
    files = [Path("prepared/a.pdb"), tmp_path / "prepared" / "b c.pdb"]
    for file in files:
        file.touch()
    write_path_list(Path("split/train.txt"), files)
    assert Path("split/train.txt").read_text().splitlines() == [
        "../prepared/a.pdb",
        "../prepared/b c.pdb",
    ]
    monkeypatch.chdir("/")
    found = read_path_list(tmp_path / "split" / "train.txt")
    assert [file.resolve() for file in found] == [
        tmp_path / "prepared" / "a.pdb",
        tmp_path / "prepared" / "b c.pdb",
    ]


def test_an_empty_list_can_be_written_but_not_read(tmp_path: Path) -> None:
    path = tmp_path / "validation.txt"
    write_path_list(path, [])
    assert path.read_text() == ""
    with pytest.raises(InputError, match="lists no file"):
        read_path_list(path)


def test_what_is_no_list(tmp_path: Path) -> None:
    path = tmp_path / "binary.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a list of files"):
        read_path_list(path)
    with pytest.raises(InputError, match="no such file"):
        read_path_list(tmp_path / "absent.txt")
