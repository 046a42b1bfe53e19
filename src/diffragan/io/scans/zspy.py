"""HyperSpy's signals in Zarr stores (`.zspy`)."""

from pathlib import Path
from typing import Any

import zarr

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.io.scans.array_scan import ArrayScan, frame_shape_of, shape_of_scan
from diffragan.io.scans.axes import step_and_sampling
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.hyperspy_layout import EXPERIMENTS, instrument, is_signal, signal_axes
from diffragan.io.scans.reading import readable
from diffragan.io.scans.scan import ScanInfo


def open_zspy(path: Path, given: ScanSettings) -> ArrayScan:
    """Open the signal of a store.

    Raises
    ------
    InputError : It holds none, or several, or is damaged.
    """
    with readable(path):
        try:
            root: Any = zarr.open_group(path, mode="r")
            signals = [group for _, group in root[EXPERIMENTS].groups() if is_signal(group)]
        except (KeyError, ValueError) as error:
            raise InputError(f"{path}: is no store of HyperSpy's ({error})") from None
    fitting = [group for group in signals if group["data"].ndim in (3, 4)]
    if len(fitting) != 1:
        raise InputError(f"{path}: holds {len(fitting)} signals of 3 or 4 axes; one is needed")
    (group,) = fitting
    array = group["data"]
    step, sampling, unequal = step_and_sampling(signal_axes(group, array.ndim))
    energy, camera_length = instrument(group)
    shape = tuple(array.shape)
    found, notes = found_settings(
        given,
        energy=energy,
        step=step,
        sampling=sampling,
        camera_length=camera_length,
        shape=shape_of_scan(shape),
    )
    info = ScanInfo(
        path, "zspy", found.shape, frame_shape_of(shape), array.dtype, found, notes + unequal
    )
    return ArrayScan(info, array)
