"""`diffragan report`: the page again, from its folder alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from diffragan.cli.main import run
from diffragan.io.mrc import write_volume
from tiny_data import tiny_data, tiny_phased


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    data = tiny_data(folder / "data.zarr", orientations=2)
    tiny_phased(data, folder / "low.zarr")
    tiny_phased(data, folder / "er.zarr", "er", iterations=3)
    paths = [str(folder / name) for name in ("data.zarr", "low.zarr", "er.zarr")]
    out = folder / "out"
    assert run(["evaluate", *paths, "--out", str(out), "--control-views", "0"]) == 0
    for path in paths:
        shutil.rmtree(path)
    return out


@pytest.fixture
def folder(evaluated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(evaluated, tmp_path / "moved"))


def test_the_page_is_the_same_again_without_the_stores(folder: Path) -> None:
    before = (folder / "report.html").read_bytes()
    (folder / "report.html").unlink()
    assert run(["report", str(folder)]) == 0
    assert (folder / "report.html").read_bytes() == before


def test_a_map_and_a_title_are_added(folder: Path, tmp_path: Path) -> None:
    volume = np.zeros((24, 24, 24))
    volume[9:15, 9:15, 9:15] = 1
    write_volume(tmp_path / "theirs.mrc", volume, 1.0)
    code = run(["report", str(folder), "--map", str(tmp_path / "theirs.mrc"), "--title", "Again"])
    assert code == 0
    page = (folder / "report.html").read_text()
    assert "<h1>Again</h1>" in page
    assert "theirs: 24 x 24 x 24 voxels of 1 Å" in page
    assert json.loads((folder / "page.json").read_text())["title"] == "Again"
    # Both are kept from then on, until the map is gone.
    assert run(["report", str(folder)]) == 0
    assert (folder / "report.html").read_text() == page
    (tmp_path / "theirs.mrc").unlink()
    assert run(["report", str(folder)]) == 0
    assert "theirs" not in (folder / "report.html").read_text()


def spoil(folder: Path, how: str) -> None:
    metrics, record = folder / "metrics.json", folder / "page.json"
    if how == "no metrics":
        metrics.unlink()
    elif how == "no record":
        record.unlink()
    elif how == "cut off":
        metrics.write_text(metrics.read_text()[:500])
    elif how == "older":
        content = json.loads(metrics.read_text())
        del content["verdict_rule"]
        metrics.write_text(json.dumps(content))
    elif how == "older schema":
        metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "schema_version": 1}))
    elif how == "older record":
        content = json.loads(record.read_text())
        del content["version"]
        record.write_text(json.dumps(content))
    elif how == "damaged record":
        record.write_text('{"version": 1, "title": 3}')
    else:
        metrics.write_text("[]")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("no metrics", "holds no metrics.json"),
        ("no record", "holds no page.json"),
        ("cut off", "is not JSON"),
        ("older", "lacks 'verdict_rule', so it is of another version"),
        ("older schema", "metrics.json: is of version 1, and this diffragan reads version 3"),
        ("older record", "page.json: names no version, and this diffragan reads version 1"),
        ("damaged record", "page.json: damaged"),
        ("a list", "holds no evaluation"),
    ],
)
def test_a_spoilt_folder_is_one_line(
    folder: Path, how: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(folder, how)
    assert run(["report", str(folder)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["nowhere", "nowhere.mrc"])
def test_a_map_that_is_not_there_is_one_line(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(folder), "--map", str(folder / name)]) == 2
    assert "there is no such file" in capsys.readouterr().err
