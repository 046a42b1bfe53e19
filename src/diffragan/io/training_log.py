"""The table of losses that a training run keeps: one row per validation."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from diffragan.errors import InputError
from diffragan.io.files import named_in_errors, write_text

Row = dict[str, str]


def read_log(path: Path, until_step: int) -> list[Row]:
    """Read the rows up to a step, so that a resumed run goes on where its checkpoint is.

    Raises
    ------
    InputError : The table cannot be read.
    """
    if not path.is_file():
        return []
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        return [row for row in rows if int(row["step"]) <= until_step]
    except (UnicodeDecodeError, KeyError, ValueError, TypeError, csv.Error):
        raise InputError(f"{path}: not a table of losses; move it away and resume again") from None


def write_log(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write all rows; the file is always whole. A row may lack columns of another."""
    text = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, fieldnames=list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with named_in_errors(path):
        write_text(path, text.getvalue())
