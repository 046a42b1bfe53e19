"""Scans in HDF5: EMD of the NCEM and py4DSTEM, HyperSpy's, NeXus, Velox's, or any other.

The array is found when there is only one of 4 axes, or else of 3; another is named by its path
inside, as in `FILE.h5/entry/data`.
"""

from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError, MissingExtraError
from diffragan.io.scans.array_scan import ArrayScan, frame_shape_of, shape_of_scan, usual_shape
from diffragan.io.scans.axes import step_and_sampling
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.hdf5_axes import described_by
from diffragan.io.scans.reading import readable
from diffragan.io.scans.scan import ScanInfo

MAGIC = b"\x89HDF\r\n\x1a\n"
CACHE_BYTES = 256_000_000
"""A chunk holds the frames of several rows in some files; they are unpacked once then."""
MOST_LISTED = 6
SMALLEST_FRAME = 8
"""Sides that are shorter are of tables and curves, not of patterns."""


def open_hdf5(path: Path, inside: str, given: ScanSettings) -> ArrayScan:
    """Open an array of an HDF5 file.

    Parameters
    ----------
    path : The file.
    inside : Path of the array in it; empty to find it.

    Raises
    ------
    InputError : It has no such array, several, or is damaged.
    MissingExtraError : h5py is not installed.
    """
    h5py = _h5py()
    with readable(path):
        try:
            file = h5py.File(path, "r", rdcc_nbytes=CACHE_BYTES)
        except OSError as error:
            if isinstance(error, PermissionError | FileNotFoundError):
                raise
            raise InputError(
                f"{path}: is damaged, cut off or still being written; copy it again "
                f"({' '.join(str(error).split())[:80]})"
            ) from None
    array = _chosen(path, file, inside) if inside else _only(path, file)
    described = described_by(array)
    shape = usual_shape(tuple(array.shape), described.order)
    axes = described.axes
    step, sampling, unequal = step_and_sampling(axes) if axes else (None, None, ())
    found, notes = found_settings(
        given,
        energy=described.energy,
        step=described.step or step,
        sampling=described.sampling or sampling,
        camera_length=described.camera_length,
        detector_pixel=described.detector_pixel,
        shape=shape_of_scan(shape),
    )
    info = ScanInfo(
        path, f"HDF5 ({described.layout}, {array.name})", found.shape, frame_shape_of(shape),
        array.dtype.newbyteorder("="), found, notes + unequal,
    )  # fmt: skip
    return ArrayScan(info, array, described.order)


def _chosen(path: Path, file: Any, inside: str) -> Any:
    h5py = _h5py()
    found = file.get(inside)
    if isinstance(found, h5py.Group):
        arrays = _arrays(found)
        found = arrays[0] if len(arrays) == 1 else None
    if found is None or not _is_scan(found):
        raise InputError(
            f"{path}: has no array of 3 or 4 axes at '{inside}'; there are {_listed(_arrays(file))}"
        )
    return found


def _only(path: Path, file: Any) -> Any:
    arrays = _arrays(file)
    for axes in (4, 3):
        fitting = [array for array in arrays if array.ndim == axes]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            one = path / PurePosixPath(fitting[0].name.strip("/"))
            raise InputError(f"{path}: holds several scans, {_listed(fitting)}; name one as {one}")
    raise InputError(f"{path}: is HDF5, but holds no array of 3 or 4 axes")


def _arrays(group: Any) -> list[Any]:
    """Return all arrays that may be scans, each once though several paths may lead to it."""
    h5py = _h5py()
    found: list[Any] = []

    def look(_: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and _is_scan(thing):
            found.append(thing)

    group.visititems(look)
    return found


def _is_scan(array: Any) -> bool:
    numbers = np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)
    if not numbers or array.ndim not in (3, 4) or not array.size:
        return False
    return bool(sum(side >= SMALLEST_FRAME for side in array.shape) >= 2)


def _listed(arrays: list[Any]) -> str:
    names = [f"{array.name} {tuple(array.shape)}" for array in arrays]
    more = "" if len(names) <= MOST_LISTED else f" and {len(names) - MOST_LISTED} more"
    return ", ".join(names[:MOST_LISTED]) + more if names else "none"


def _h5py() -> Any:
    """Import h5py, an extra."""
    try:
        import h5py  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError(
            'scans in HDF5 need h5py; install it with `pip install "diffragan[formats]"`'
        ) from None
    return h5py
