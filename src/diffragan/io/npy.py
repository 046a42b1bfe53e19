"""Triplets as plain `.npy` files, the form the DiffraGAN paper's data have.

    FOLDER/index.csv
    FOLDER/measured.npy
    FOLDER/STRUCTURE/diffraction_00000.npy
    FOLDER/STRUCTURE/low_resolution_00000.npy
    FOLDER/STRUCTURE/high_resolution_00000.npy

Orientations are numbered within each structure, as the files of `--save-rotated-structures` are.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from diffragan.io.files import atomic_path, named_in_errors, output_folder, write_text
from diffragan.io.layout import Array
from diffragan.io.store_checks import check_room
from diffragan.io.triplets import TripletStore

TRIPLET = ("diffraction", "low_resolution", "high_resolution")
INDEX = "index.csv"
COLUMNS = (
    *("item", "structure", "orientation"),
    *("quaternion_x", "quaternion_y", "quaternion_z", "quaternion_w"),
    *("shift_x_angstrom", "shift_y_angstrom", "shift_z_angstrom"),
    *("low_resolution_dose_e_per_a2", "low_resolution_snr"),
)


def export_npy(data: TripletStore, folder: Path) -> Iterator[int]:
    """Write every triplet of a data set into a folder; yields each item that is written.

    The index is written last, so a folder with one is complete.

    Raises
    ------
    OutputError : The folder cannot be written to, or the disk is too small.
    """
    specs = [data.store.describe(name) for name in TRIPLET]
    check_room(folder, len(data) * sum(spec.item_bytes for spec in specs))
    output_folder(folder)
    _write_array(folder / "measured.npy", data.read("measured"))
    names = [structure.name for structure in data.structures()]
    rows, seen = [], dict.fromkeys(names, 0)
    owners = data.read("structure")
    columns = [data.read(name) for name in ("orientation", "shift")]
    columns += [data.read(name)[:, None] for name in ("low_resolution_dose", "low_resolution_snr")]
    numbers = np.concatenate(columns, axis=1)
    for item in range(len(data)):
        name = names[owners[item]]
        orientation, seen[name] = seen[name], seen[name] + 1
        place = output_folder(folder / name)
        for array in TRIPLET:
            _write_array(place / f"{array}_{orientation:05d}.npy", data.read(array, [item])[0])
        rows.append((item, name, orientation, *numbers[item].tolist()))
        yield item
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    write_text(folder / INDEX, table.getvalue())


def _write_array(path: Path, values: Array) -> None:
    with named_in_errors(path), atomic_path(path) as beside:
        np.save(beside, values, allow_pickle=False)
