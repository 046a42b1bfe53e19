"""Scans in HDF5: EMD of the NCEM and py4DSTEM, HyperSpy's, NeXus, Velox's, or any other.

The array is found when there is only one of 4 axes, or else of 3; another is named by its path
inside, as in `FILE.h5/entry/data`. Arrays that one detector wrote one after another, perhaps into
other files, are one scan.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError, MissingExtraError
from diffragan.io.scans.array_scan import ArrayScan, frame_shape_of, shape_of_scan, usual_shape
from diffragan.io.scans.axes import step_and_sampling
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.hdf5_arrays import Found, arrays_in
from diffragan.io.scans.hdf5_axes import described_by
from diffragan.io.scans.reading import readable, undamaged
from diffragan.io.scans.scan import ScanInfo

MAGIC = b"\x89HDF\r\n\x1a\n"
CACHE_BYTES = 256_000_000
"""A chunk holds the frames of several rows in some files; they are unpacked once then."""
MOST_LISTED = 6


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
    with undamaged(path):
        chosen = _chosen(path, file, inside) if inside else _only(path, file)
        array = chosen.array
        described = described_by(chosen)
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
        saturation_counts=described.saturation_counts,
        shape=shape_of_scan(shape),
    )
    info = ScanInfo(
        path, f"HDF5 ({described.layout}, {chosen.name})", found.shape, frame_shape_of(shape),
        array.dtype.newbyteorder("="), found, notes + unequal,
    )  # fmt: skip
    return ArrayScan(info, array, described.order)


def _only(path: Path, file: Any) -> Found:
    found = arrays_in(file)
    for axes in (4, 3):
        fitting = [one for one in found if one.array.ndim == axes]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            one = path / PurePosixPath(fitting[0].name.strip("/"))
            raise InputError(f"{path}: holds several scans, {_listed(fitting)}; name one as {one}")
    raise InputError(f"{path}: is HDF5, but holds no array of 3 or 4 axes")


def _chosen(path: Path, file: Any, inside: str) -> Found:
    found = arrays_in(file)
    name = "/" + inside
    fitting = [one for one in found if one.name == name] or [
        one for one in found if one.name.startswith(name + "/")
    ]
    if len(fitting) != 1:
        raise InputError(
            f"{path}: has no array of 3 or 4 axes at '{inside}'; there are {_listed(found)}"
        )
    return fitting[0]


def _listed(found: list[Found]) -> str:
    names = [f"{one.name} {tuple(one.array.shape)}" for one in found]
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
