"""The folder that `diffragan ingest` leaves beside its observations, read again."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.calibration.stored import read_calibration
from diffragan.acquisition.findings import (
    FRAME_COLUMNS,
    FRAMES,
    MOLECULE_COLUMNS,
    MOLECULES,
    NO_HIT,
    RECORD,
    SCHEMA_VERSION,
)
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.overview.picking import NOTHING
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError
from diffragan.io.files import read_json

CALIBRATIONS = "calibration-*.npz"
NEEDED = (
    "scan", "settings", "calibration", "classes", "hits", "image", "registration", "fates",
    "observations", "why_none", "warnings",
)  # fmt: skip
STORE_ENDING, FOLDER_ENDING = ".zarr", "-ingest"

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The table of frames, one row for each in the order of the scan."""

    of_class: NDArray[np.int64]
    """`(frame)`, place in `CLASSES` of the likeliest."""
    hit_probability: Numbers
    fate: tuple[str, ...]
    """Empty for frames that are no hits."""
    molecule: NDArray[np.int64]
    """`(frame)`, its number in the image; `NOTHING` without one."""
    scattered_fraction: Numbers
    phase_rad_angstrom2: Numbers
    centre: Numbers
    """`(frame, 2)`, row and column of the direct beam [pixels]."""
    place_angstrom: Numbers
    """`(frame, 2)`, x and y in the image; not a number where the scan was not laid on it [Å]."""
    offset_angstrom: Numbers
    """`(frame, 2)`, x and y from the beam's middle to the molecule; not a number without one."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.of_class)

    def hits(self) -> NDArray[np.int64]:
        """Return the numbers of the frames that count as hits."""
        return np.flatnonzero([fate != NO_HIT for fate in self.fate])


@dataclass(frozen=True, slots=True)
class MoleculeRows:
    """The table of molecules."""

    number: NDArray[np.int64]
    place_angstrom: Numbers
    """`(molecule, 2)`, x and y in the image [Å]."""
    diameter_angstrom: Numbers
    views: NDArray[np.int64]
    """How many observations show each."""


@dataclass(frozen=True, slots=True)
class IngestFolder:
    """All that the folder holds."""

    place: Path
    record: Mapping[str, Any]
    settings: AcquisitionSettings
    frames: FrameRows
    molecules: MoleculeRows
    calibration: DetectorCalibration

    @property
    def shape(self) -> tuple[int, int]:
        """Positions of the scan along y and x."""
        rows, columns = self.record["scan"]["shape"]
        return int(rows), int(columns)

    def why_none(self) -> str:
        """Say why there are no observations; empty where there are some."""
        return str(self.record["why_none"])


def is_ingest_folder(folder: Path) -> bool:
    """Tell whether `diffragan ingest` came to its end there."""
    return (folder / RECORD).is_file()


def store_beside(folder: Path) -> Path:
    """Name the store of observations that a folder `NAME-ingest` belongs to."""
    whole = folder.resolve()
    return whole.with_name(whole.name.removesuffix(FOLDER_ENDING) + STORE_ENDING)


def read_ingest_folder(folder: Path) -> IngestFolder:
    """Read record, tables and calibration.

    Raises
    ------
    InputError : Something is missing, damaged, or of another version of the program.
    """
    path = folder / RECORD
    record = read_json(path)
    if not isinstance(record, dict) or record.get("schema_version") != SCHEMA_VERSION:
        raise InputError(f"{path}: is of another version of diffragan; ingest the scan again")
    missing = [name for name in NEEDED if name not in record]
    if missing:
        raise InputError(f"{path}: lacks '{missing[0]}'; ingest the scan again")
    try:
        settings = AcquisitionSettings.model_validate(record["settings"])
        return IngestFolder(
            folder, record, settings, _frames(folder), _molecules(folder), _calibration(folder)
        )
    # A setting that is not valid is a ValueError, too.
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: is damaged; ingest the scan again") from None


def _calibration(folder: Path) -> DetectorCalibration:
    found = sorted(folder.glob(CALIBRATIONS), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InputError(f"{folder}: holds no calibration; ingest the scan again")
    return read_calibration(found[-1])


def _frames(folder: Path) -> FrameRows:
    column = _table(folder / FRAMES, FRAME_COLUMNS)
    place = {name: at for at, name in enumerate(CLASSES)}

    def pair(*names: str) -> Numbers:
        return np.stack([_numbers(column[name]) for name in names], axis=-1)

    return FrameRows(
        np.array([place[name] for name in column["class"]], dtype=np.int64),
        _numbers(column["hit_probability"]),
        tuple(column["fate"]),
        np.array([int(text) if text else NOTHING for text in column["molecule"]], np.int64),
        _numbers(column["scattered_fraction"]),
        _numbers(column["phase_rad_angstrom2"]),
        pair("beam_centre_row", "beam_centre_column"),
        pair("image_x_angstrom", "image_y_angstrom"),
        pair("offset_x_angstrom", "offset_y_angstrom"),
    )


def _molecules(folder: Path) -> MoleculeRows:
    column = _table(folder / MOLECULES, MOLECULE_COLUMNS)
    return MoleculeRows(
        np.array(column["molecule"], dtype=np.int64),
        np.stack([_numbers(column[name]) for name in ("x_angstrom", "y_angstrom")], axis=-1),
        _numbers(column["diameter_angstrom"]),
        np.array(column["views"], dtype=np.int64),
    )


def _table(path: Path, columns: tuple[str, ...]) -> dict[str, list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; ingest the scan again") from None
    if not rows or tuple(rows[0]) != columns or any(len(row) != len(columns) for row in rows):
        raise InputError(f"{path}: is damaged or of another version; ingest the scan again")
    cells = list(zip(*rows[1:], strict=True)) or [()] * len(columns)
    return {name: list(cell) for name, cell in zip(columns, cells, strict=True)}


def _numbers(texts: list[str]) -> Numbers:
    return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
