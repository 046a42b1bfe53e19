"""Volumes and image stacks in MRC files, the format of cryo-EM.

The pixel n // 2 is the origin of the molecule's frame. A volume's header says so (`origin`), so
that a viewer lays the centred atomic model over the map without moving either.

Source: Cheng et al., J. Struct. Biol. 192 (2015) 146 (MRC2014).
"""

import warnings
import zlib
from pathlib import Path
from typing import Literal

import mrcfile
import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffragan import __version__
from diffragan.errors import InputError
from diffragan.io.files import atomic_path, named_in_errors

Kind = Literal["volume", "stack"]
LABEL_CHARACTERS = 80
EQUAL_PIXELS = 1e-3  # headers keep cell edges in float32, and some programs round them


def write_volume(path: Path, volume: ArrayLike, pixel_angstrom: float, label: str = "") -> None:
    """Write a map.

    Parameters
    ----------
    path : File to write; an older one is replaced.
    volume : `(z, y, x)`, origin at pixel n // 2.
    pixel_angstrom : Edge of a voxel [Å].
    label : Words for the header, after the program's name and version.

    Raises
    ------
    InputError : The values are not finite, or not three-dimensional.
    """
    _write(path, volume, pixel_angstrom, label, "volume")


def write_stack(path: Path, images: ArrayLike, pixel_angstrom: float, label: str = "") -> None:
    """Write images of one size; RELION wants the ending `.mrcs`.

    Parameters
    ----------
    path : File to write; an older one is replaced.
    images : `(n, y, x)`, origin at pixel n // 2.
    pixel_angstrom : Edge of a pixel [Å].
    label : Words for the header, after the program's name and version.

    Raises
    ------
    InputError : The values are not finite, or not three-dimensional.
    """
    _write(path, images, pixel_angstrom, label, "stack")


def read_mrc(path: Path) -> tuple[NDArray[np.float32], float, Kind]:
    """Read a volume `(z, y, x)` or a stack `(n, y, x)`, its pixel size [Å], and which it is.

    A single image is a stack of one.

    Raises
    ------
    InputError : The file is missing, empty, cut off, not an MRC file, of complex numbers, not
        finite, or without one pixel size.
    """
    data, voxel, kind = _open(path)
    if np.iscomplexobj(data) or data.ndim not in (2, 3):
        raise InputError(
            f"{path}: holds {data.ndim}D {data.dtype} data; a real volume or stack is needed"
        )
    array = np.array(data, dtype=np.float32).reshape(-1, *data.shape[-2:])
    if not np.isfinite(array).all():
        raise InputError(
            f"{path}: holds values that are not finite; write the file again without them"
        )
    edges = voxel if kind == "volume" else voxel[:2]
    pixel = edges[0]
    if not all(np.isfinite(edge) and edge > 0 for edge in edges):
        raise InputError(f"{path}: the header has no pixel size; set its cell dimensions [Å]")
    if any(abs(edge - pixel) > EQUAL_PIXELS * pixel for edge in edges):
        raise InputError(f"{path}: pixels of {edges} Å are not square; resample the file first")
    return array, pixel, kind


def read_image(path: Path) -> tuple[NDArray[np.float32], float | None]:
    """Read a single image `(y, x)` and its pixel size [Å]; none where the header has none.

    Raises
    ------
    InputError : The file is missing, empty, cut off, not an MRC file, of complex numbers, of
        several images, or its pixels are not square.
    """
    data, voxel, _ = _open(path)
    image = data.squeeze()
    if image.ndim != 2 or np.iscomplexobj(image):
        raise InputError(
            f"{path}: holds {data.dtype} data of shape {data.shape}; one image is needed, add up "
            "the frames of a movie first"
        )
    x, y = voxel[:2]
    if not (np.isfinite([x, y]).all() and min(x, y) > 0):
        return np.array(image, dtype=np.float32), None
    if abs(x - y) > EQUAL_PIXELS * x:
        raise InputError(f"{path}: pixels of {x:g} x {y:g} Å are not square; resample the file")
    return np.array(image, dtype=np.float32), x


def _open(path: Path) -> tuple[NDArray[np.generic], tuple[float, float, float], Kind]:
    """Return data, voxel size x, y, z [Å] and kind, wording every failure of the file."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if not path.is_file():
        raise InputError(f"{path}: is not a file; name one MRC file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: is empty; write or copy it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            with mrcfile.open(path, mode="r") as file:
                voxel = file.voxel_size
                size = (float(voxel.x), float(voxel.y), float(voxel.z))
                return file.data, size, "volume" if _is_volume(file, path) else "stack"
    except (ValueError, RuntimeWarning, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as MRC: {reason}") from None


def _is_volume(file: mrcfile.mrcfile.MrcFile, path: Path) -> bool:
    """Tell a volume by its space group, or as RELION writes it: group 0, a cube, not `.mrcs`."""
    cube = file.data.ndim == 3 and len(set(file.data.shape)) == 1
    as_relion = cube and int(file.header.mz) == len(file.data) and path.suffix != ".mrcs"
    return bool(file.is_volume() or as_relion)


def _write(path: Path, values: ArrayLike, pixel_angstrom: float, label: str, kind: Kind) -> None:
    array = np.ascontiguousarray(values, dtype=np.float32)
    if array.ndim != 3 or array.size == 0:
        raise InputError(f"{path}: an MRC {kind} needs three axes with samples, not {array.shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{path}: the {kind} to write holds values that are not finite")
    with named_in_errors(path), atomic_path(path) as beside, mrcfile.new(beside) as file:
        file.set_data(array)
        if kind == "volume":
            file.set_volume()
            z, y, x = (-(n // 2) * pixel_angstrom for n in array.shape)
            file.header.origin = (x, y, z)
        else:
            file.set_image_stack()
        file.voxel_size = pixel_angstrom
        set_label(file, label)


def set_label(file: mrcfile.mrcfile.MrcFile, label: str) -> None:
    """Replace the library's label, whose time would make the same data give other bytes."""
    words = f"diffragan {__version__} {label}".strip().encode("ascii", "replace")
    file.header.label = b""
    file.header.label[0] = words[:LABEL_CHARACTERS]
    file.header.nlabl = 1
