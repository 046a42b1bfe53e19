"""The folder of an experiment appears whole, is begun anew after a stop, and never written over."""

from pathlib import Path

import pytest

from diffragan.errors import OutputError
from diffragan.io.scans.experiment_folder import check_new_folder, new_experiment_folder


def stop_halfway(out: Path) -> None:
    with new_experiment_folder(out) as folder:
        (folder / "scan.mib").write_text("half")
        raise KeyboardInterrupt


def test_a_stopped_experiment_is_begun_anew(tmp_path: Path) -> None:
    out = tmp_path / "experiment"
    with pytest.raises(KeyboardInterrupt):
        stop_halfway(out)
    assert not out.exists()
    check_new_folder(out, 0)
    with new_experiment_folder(out) as folder:
        assert not (folder / "scan.mib").exists()
        (folder / "truth.json").write_text("{}")
    assert [path.name for path in out.iterdir()] == ["truth.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["experiment"]


def test_what_stands_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.partial").mkdir()
    with pytest.raises(OutputError, match="move it away"):
        check_new_folder(tmp_path / "mine", 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is there already"):
        check_new_folder(tmp_path / "file", 0)
    with pytest.raises(OutputError, match="smaller scan"):
        check_new_folder(tmp_path / "new", 10**18)
