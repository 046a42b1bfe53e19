"""Frames in an MRC stack."""

import warnings
from pathlib import Path

import mrcfile
import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.array_scan import ArrayScan, frame_shape_of
from diffragan.io.scans.reading import readable
from diffragan.io.scans.scan import ScanInfo

MAGIC, MAGIC_PLACE = b"MAP ", 208


def open_mrc_scan(path: Path, given: ScanSettings) -> ArrayScan:
    """Open a stack without reading it.

    Raises
    ------
    InputError : It is cut off, or of complex numbers.
    """
    del given
    try:
        with readable(path), warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            data = mrcfile.mmap(path, mode="r").data
    except (ValueError, RuntimeWarning, EOFError) as error:
        raise InputError(f"{path}: cannot be read as MRC: {' '.join(str(error).split())}") from None
    if data.ndim not in (2, 3) or np.iscomplexobj(data):
        raise InputError(f"{path}: holds {data.ndim}D {data.dtype} data; a real stack is needed")
    stack = data.reshape(-1, *data.shape[-2:])
    info = ScanInfo(
        path, "MRC", None, frame_shape_of(stack.shape), stack.dtype.newbyteorder("="),
        ScanSettings(),
    )  # fmt: skip
    return ArrayScan(info, stack)
