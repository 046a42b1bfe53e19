"""Checkpoints of training: tensors as safetensors, everything else as JSON, never a pickle.

A checkpoint is a folder that is written beside its place and then renamed, so that a reader sees
the old one or the whole new one.
"""

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from diffragan.errors import InputError, OutputError
from diffragan.io.files import named_in_errors, output_folder, write_json
from diffragan.typing import Tensor

FORMAT_VERSION = 1
LAST = "last"
BEST = "best"
DESCRIPTION = "checkpoint.json"
Tensors = dict[str, Tensor]
_SYSTEM_ERROR = re.compile(r"os error (?P<number>\d+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything a run needs to go on, or a phaser to work."""

    tensors: Mapping[str, Tensors]
    """Named tensors of each part: `generator`, `discriminator`, `optimisers`, `random`."""
    description: Mapping[str, Any]
    """Plain JSON: configuration, encoding, experiment, data set, step, and so on."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing an older one at `folder` only when the new one is whole.

    Raises
    ------
    OutputError : The place cannot be written to, or something else stands there.
    """
    output_folder(folder.parent)
    _settle(folder)
    if folder.exists() and not (folder / DESCRIPTION).is_file():
        raise OutputError(
            f"{folder}: not a checkpoint and will not be replaced; choose another name"
        )
    _sweep(folder)
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        beside.mkdir()
        for part, tensors in checkpoint.tensors.items():
            _write_tensors(beside / f"{part}.safetensors", tensors)
        described = {**checkpoint.description, "format_version": FORMAT_VERSION}
        with named_in_errors(folder):
            write_json(beside / DESCRIPTION, {**described, "parts": sorted(checkpoint.tensors)})
        old = _old(folder)
        if folder.exists():
            folder.rename(old)
        beside.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def read_checkpoint(folder: Path, parts: tuple[str, ...] | None = None) -> Checkpoint:
    """Read a checkpoint, or only some parts of its tensors, onto the CPU.

    Raises
    ------
    InputError : It is missing, of another version, or one of its files is damaged.
    """
    _settle(folder)
    description = _read_description(folder)
    names = tuple(description["parts"]) if parts is None else parts
    return Checkpoint(
        {name: _read_tensors(folder / f"{name}.safetensors") for name in names}, description
    )


def read_run(run: Path, which: str = BEST, parts: tuple[str, ...] | None = None) -> Checkpoint:
    """Read the last or the best checkpoint of the run folder `run`.

    Raises
    ------
    InputError : There is no such run, or its checkpoint cannot be read.
    """
    if not run.is_dir():
        raise InputError(f"{run}: no such run folder; `diffragan train` makes one")
    if not has_checkpoint(run, which):
        raise InputError(f"{run}: holds no checkpoint '{which}'; `diffragan train` writes it")
    return read_checkpoint(run / which, parts)


def has_checkpoint(run: Path, which: str = LAST) -> bool:
    """Whether a run folder holds a checkpoint."""
    _settle(run / which)
    return (run / which).is_dir()


def fill_module(module: nn.Module, tensors: Tensors, where: Path) -> None:
    """Give a network its weights.

    Raises
    ------
    InputError : The weights are those of another network, or not all are finite.
    """
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != found:
        names = sorted(set(expected.items()) ^ set(found.items()))
        raise InputError(
            f"{where}: the weights do not fit the configuration beside them (first at "
            f"'{names[0][0]}'); train again"
        )
    for name, value in tensors.items():
        if not value.isfinite().all():
            raise InputError(
                f"{where}: the weights hold numbers that are not finite (first in '{name}'); "
                "train again"
            )
    module.load_state_dict(tensors)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _settle(folder: Path) -> None:
    """Bring back the old checkpoint if a write was stopped between its two renames."""
    if not folder.exists() and _old(folder).is_dir():
        _old(folder).rename(folder)


def _sweep(folder: Path) -> None:
    """Remove what a process left beside a checkpoint when it was killed while writing."""
    for left in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


def _write_tensors(path: Path, tensors: Tensors) -> None:
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:
        # The library words the system's error, as that of a full disk, in its own way.
        code = _SYSTEM_ERROR.search(str(error))
        if code is None:
            raise
        number = int(code["number"])
        raise OSError(number, os.strerror(number), str(path)) from None
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _read_tensors(path: Path) -> Tensors:
    if not path.is_file():
        raise InputError(f"{path}: this file of the checkpoint is missing; train again")
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{path}: damaged or not safetensors ({reason}); train again") from None


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise InputError(f"{folder}: not a checkpoint ({DESCRIPTION} is missing); train again")
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError):
        raise InputError(f"{path}: not readable as JSON; train again") from None
    if not isinstance(description, dict) or not isinstance(description.get("parts"), list):
        raise InputError(f"{path}: not the description of a checkpoint; train again")
    version = description.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: written in version {version}, this program reads version {FORMAT_VERSION}; "
            "train again"
        )
    return description
