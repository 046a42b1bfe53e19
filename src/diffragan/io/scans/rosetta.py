"""Formats that RosettaSciIO reads and this program does not, as DM4 or blockfiles."""

import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError, MissingExtraError
from diffragan.io.scans.array_scan import ArrayScan, frame_shape_of, shape_of_scan
from diffragan.io.scans.axes import Axis, step_and_sampling
from diffragan.io.scans.found import found_settings
from diffragan.io.scans.hyperspy_layout import text
from diffragan.io.scans.reading import readable
from diffragan.io.scans.scan import ScanInfo
from diffragan.io.scans.units import Quantity

ENDINGS = {
    ".dm3": "digitalmicrograph",
    ".dm4": "digitalmicrograph",
    ".blo": "blockfile",
    ".ser": "tia",
    ".emi": "tia",
    ".prz": "pantarhei",
    ".rpl": "ripple",
}
"""To the reader in RosettaSciIO."""


class _Computed:
    """A Dask array whose parts are computed when they are asked for."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = array.dtype

    def __getitem__(self, key: Any, /) -> Any:
        part = self._array[key]
        return part.compute(scheduler="synchronous") if hasattr(part, "compute") else part


def open_rosetta(path: Path, given: ScanSettings) -> ArrayScan:
    """Open a scan lazily.

    Raises
    ------
    InputError : It is damaged, or holds no or several arrays of 3 or 4 axes.
    MissingExtraError : RosettaSciIO is not installed.
    """
    signals = [one for one in _read(path) if len(one["axes"]) in (3, 4)]
    if len(signals) != 1:
        raise InputError(f"{path}: holds {len(signals)} arrays of 3 or 4 axes; one is needed")
    (signal,) = signals
    array = _Computed(signal["data"])
    step, sampling, unequal = step_and_sampling([_axis(axis) for axis in signal["axes"]])
    instrument = _inside(signal.get("metadata", {}), "Acquisition_instrument", "TEM")
    found, notes = found_settings(
        given,
        energy=_value(instrument, "beam_energy", "keV"),
        step=step,
        sampling=sampling,
        shape=shape_of_scan(array.shape),
    )
    name = f"{path.suffix[1:].upper()}, by RosettaSciIO"
    info = ScanInfo(
        path, name, found.shape, frame_shape_of(array.shape), array.dtype.newbyteorder("="), found,
        notes + unequal,
    )  # fmt: skip
    return ArrayScan(info, array)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        reader = importlib.import_module(f"rsciio.{ENDINGS[path.suffix.lower()]}")
    except ImportError:
        raise MissingExtraError(
            f'{path}: needs RosettaSciIO; install it with `pip install "diffragan[formats]"`'
        ) from None
    logging.getLogger("rsciio").setLevel(logging.ERROR)
    with readable(path), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata that are of no use here
        try:
            found: list[dict[str, Any]] = reader.file_reader(str(path), lazy=True)
        except (OSError, ImportError):
            raise
        except Exception as error:  # noqa: BLE001 - each of its readers fails in its own way
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            raise InputError(f"{path}: is damaged or of another kind ({reason})") from None
    return found


def _axis(written: dict[str, Any]) -> Axis:
    return Axis(
        text(written.get("name")), float(written.get("scale") or 0), text(written.get("units"))
    )


def _inside(tree: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        tree = tree.get(key, {}) if isinstance(tree, dict) else {}
    return tree if isinstance(tree, dict) else {}


def _value(tree: dict[str, Any], key: str, unit: str) -> Quantity | None:
    try:
        return Quantity(float(tree[key]), unit)
    except (KeyError, TypeError, ValueError):
        return None
