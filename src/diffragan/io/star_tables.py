"""Tables of a STAR file: columns of text by name, written and read block by block.

A name has no underscore here; the file has one before it.

Source: Hall, J. Chem. Inf. Comput. Sci. 31 (1991) 326 (STAR); RELION's tables are its loops.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError

Values = NDArray[np.float64] | Sequence[str]
Table = dict[str, tuple[str, ...]]


def format_block(path: Path, name: str, columns: Mapping[str, Values], count: int) -> str:
    """Format one `data_` block with its loop."""
    texts = [_texts(path, key, values, count) for key, values in columns.items()]
    widths = [max(len(text) for text in column) for column in texts]
    head = [f"data_{name}", "", "loop_"]
    head += [f"_{key} #{number}" for number, key in enumerate(columns, start=1)]
    rows = [
        " ".join(text.rjust(width) for text, width in zip(row, widths, strict=True))
        for row in zip(*texts, strict=True)
    ]
    return "\n".join([*head, *rows]) + "\n\n"


PLAIN_WORD = re.compile(
    r"(?!(?:data|loop|save|stop|global)_)[^\s_#$'\";\[\]][^\s'\"]*", re.IGNORECASE
)
"""What a STAR file takes for one value without quotes, which RELION does not know."""


def _texts(path: Path, name: str, values: Values, count: int) -> list[str]:
    """Format one column, refusing what would break the table."""
    if len(values) != count or count == 0:
        raise InputError(f"{path}: column {name} has {len(values)} values for {count} particles")
    if isinstance(values, np.ndarray) and values.dtype.kind in "iuf":
        if not np.isfinite(values).all():
            raise InputError(f"{path}: column {name} holds values that are not finite")
        return [f"{value:.9g}" for value in values.tolist()]
    texts = [str(value) for value in values]
    for text in texts:
        if not PLAIN_WORD.fullmatch(text):
            raise InputError(
                f"{path}: '{text}' in column {name} has blanks, quotes or a reserved sign"
            )
    return texts


def read_document(path: Path) -> gemmi.cif.Document:
    """Parse a STAR file.

    Raises
    ------
    InputError : The file is missing or not a STAR file.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        return gemmi.cif.read_string(path.read_text(encoding="utf-8"))
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as a STAR file: {reason}") from None


def find_table(path: Path, document: gemmi.cif.Document, name: str) -> Table:
    """Return the columns of a block, whether it is a loop or one value per name."""
    block = document.find_block(name)
    if block is None:
        raise InputError(f"{path}: has no data_{name}; write it with RELION 3.1 or later")
    table: Table = {}
    for item in block:
        if item.loop is not None:
            for tag in item.loop.tags:
                table[tag[1:]] = tuple(gemmi.cif.as_string(value) for value in block.find_loop(tag))
        elif item.pair is not None:
            table[item.pair[0][1:]] = (gemmi.cif.as_string(item.pair[1]),)
    if not table:
        raise InputError(f"{path}: data_{name} has no columns")
    return table


def find_column(path: Path, table: Table, name: str) -> tuple[str, ...]:
    """Return one column of a table, or say that it is missing."""
    if name not in table:
        raise InputError(f"{path}: has no column _{name}")
    return table[name]


def find_numbers(path: Path, table: Table, names: Sequence[str]) -> NDArray[np.float64] | None:
    """Return `(n, len(names))`, or None when none of the columns is there."""
    if not any(name in table for name in names):
        return None
    return np.stack(
        [as_floats(path, name, find_column(path, table, name)) for name in names], axis=-1
    )


def as_floats(path: Path, name: str, texts: Sequence[str]) -> NDArray[np.float64]:
    """Read a column's finite numbers."""
    try:
        values = np.array([float(text) for text in texts])
    except ValueError as error:
        raise InputError(f"{path}: column _{name}: {error}") from None
    if not np.isfinite(values).all():
        raise InputError(f"{path}: column _{name} holds values that are not finite")
    return values
