from pathlib import Path

import pytest

from diffragan.errors import InputError
from diffragan.io.training_log import read_log, write_log


def test_rows_up_to_a_step_come_back(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    rows = [{"step": str(step), "l1": f"{1 / step:.3g}"} for step in (2, 4, 6)]
    write_log(path, rows)
    assert read_log(path, 4) == rows[:2]
    assert path.read_text().splitlines()[0] == "step,l1"


def test_no_table_is_an_empty_one(tmp_path: Path) -> None:
    assert read_log(tmp_path / "training.csv", 4) == []


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"step\nmany\n", b"\xff\xfe\x00"])
def test_another_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "training.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a table of losses"):
        read_log(path, 4)
