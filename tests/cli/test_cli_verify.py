"""`diffragan info --verify`: 0 for a sound store, 2 with one line otherwise."""

import shutil
from pathlib import Path

import pytest

from diffragan.cli.main import run
from tiny_data import tiny_data, tiny_phased


@pytest.mark.parametrize("kind", ["triplets", "phased"])
def test_a_store_is_verified(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tiny_data(tmp_path / "data.zarr")
    path = data.store.path
    if kind == "phased":
        path = tiny_phased(data, tmp_path / "phased.zarr").store.path
    assert run(["info", str(path), "--verify"]) == 0
    assert "verified: 4 items are what was written" in capsys.readouterr().out
    image = path / ("wave" if kind == "phased" else "exit_wave") / "c" / "0" / "0" / "0"
    content = bytearray(image.read_bytes())
    content[100] ^= 1
    image.write_bytes(content)
    assert run(["info", str(path), "--verify"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("diffragan: ")
    assert "wave' is damaged (item 0: a chunk has another checksum)" in told


def test_info_alone_is_a_glance_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tiny_data(tmp_path / "data.zarr").store.path
    assert run(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "no problem found at a glance; `--verify` reads every value" in shown
    assert "kB on disk" in shown
    shutil.rmtree(path / "shift" / "c")
    assert run(["info", str(path)]) == 2
    assert "the array 'shift' lacks the chunk c/0/0" in capsys.readouterr().err


def test_verify_of_what_is_no_store_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.mrc").touch()
    assert run(["info", str(tmp_path / "map.mrc"), "--verify"]) == 2
    assert "`--verify` is for stores" in capsys.readouterr().err
