"""Named arrays and a few words about them in one `.npz` file, as what a stage keeps to go on."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.files import atomic_path, named_in_errors

NOTES = "notes.json"


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], notes: Mapping[str, Any]) -> None:
    """Write arrays by name, and notes that JSON can hold, so that none is there without all."""
    text = np.frombuffer(json.dumps(notes, sort_keys=True).encode(), dtype=np.uint8)
    with named_in_errors(path), atomic_path(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{NOTES: text}, **arrays)


def read_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_arrays` wrote.

    Raises
    ------
    InputError : It is missing, damaged or another kind of file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
            notes = json.loads(arrays.pop(NOTES).tobytes())
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile):
        raise InputError(f"{path}: is damaged or another kind of file; make it again") from None
    return arrays, notes
