"""A folder in which a killed run left off, taken up only by a run that asks for the same."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffragan.errors import OutputError
from diffragan.io.files import output_folder, read_json, write_json
from diffragan.io.provenance import fingerprint

RECORD = "request.json"


def claim_folder(folder: Path, request: Mapping[str, Any]) -> Path:
    """Begin work in a folder, or go on with the work in it.

    Raises
    ------
    OutputError : It holds work that was asked for otherwise, or something else.
    """
    record, asked = folder / RECORD, fingerprint(request)
    if folder.is_dir() and any(folder.iterdir()):
        if not record.is_file() or read_json(record).get("fingerprint") != asked:
            raise OutputError(
                f"{folder}: holds a run with other settings or images; remove it, or name another "
                "folder with --out"
            )
        return folder
    output_folder(folder)
    write_json(record, {**request, "fingerprint": asked})
    return folder


def release_folder(folder: Path) -> None:
    """Remove a folder whose work is done."""
    shutil.rmtree(folder, ignore_errors=True)
