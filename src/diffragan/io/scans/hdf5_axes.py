"""What the groups around an array of an HDF5 file say of its axes, by the layout they follow.

Sources: EMD 0.2 of the NCEM (https://emdatasets.com/format), EMD 1.0 as py4DSTEM writes it, the
NeXus manual (NXdata, https://manual.nexusformat.org), and Velox's as RosettaSciIO documents it.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffragan.io.scans import hyperspy_layout as hyperspy
from diffragan.io.scans.array_scan import Order
from diffragan.io.scans.axes import Axis
from diffragan.io.scans.hdf5_arrays import Found
from diffragan.io.scans.hyperspy_layout import text
from diffragan.io.scans.units import Quantity, is_frequency, mrad


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of an array beside its values."""

    layout: str
    axes: tuple[Axis, ...] = ()
    """Those of the scan first; empty where nothing tells of them."""
    energy: Quantity | None = None
    step: Quantity | None = None
    sampling: Quantity | None = None
    camera_length: Quantity | None = None
    detector_pixel: Quantity | None = None
    saturation_counts: float | None = None
    order: Order = "frames first"


ENERGY_NAMES = (
    "incident_energy",
    "beam_energy",
    "voltage",
    "accelerating_voltage",
    "high_voltage",
    "energy",
)
"""Of NeXus files, in their order of trust; only those that give a unit are used."""
LENGTH_NAMES = ("camera_length", "detector_distance")
PIXEL_NAMES = ("x_pixel_size",)


def described_by(found: Found) -> Described:
    """Return what the layout around an array tells of it."""
    for describe in (_hyperspy, _velox, _emd, _nexus):
        if described := describe(found):
            return described
    return Described("no known layout")


def _hyperspy(found: Found) -> Described | None:
    array, group = found.array, found.group
    if not hyperspy.is_signal(group):
        return None
    energy, camera_length = hyperspy.instrument(group)
    axes = tuple(hyperspy.signal_axes(group, array.ndim))
    return Described("HyperSpy", axes, energy, camera_length=camera_length)


def _emd(found: Found) -> Described | None:
    """Read EMD's axes, which count from 1 in files of the NCEM and from 0 in later ones."""
    array, group = found.array, found.group
    first = next((n for n in (0, 1) if f"dim{n}" in group), None)
    if first is None or f"dim{first + array.ndim - 1}" not in group:
        return None
    axes = tuple(_vector(group[f"dim{first + place}"]) for place in range(array.ndim))
    values = _calibration(group)
    # The NCEM's axes run from the slowest in some programs, and from the fastest in HyperSpy.
    backwards = first == 1 and (_is_pattern(axes[0]) or "/signals/" in found.name)
    return Described(
        "EMD",
        axes[::-1] if backwards else axes,
        energy=_first(_scalars(group.file), ENERGY_NAMES),
        step=_pair(values, "R_pixel_size", "R_pixel_units"),
        sampling=_pair(values, "Q_pixel_size", "Q_pixel_units"),
        order="reversed" if backwards else "frames first",
    )


def _is_pattern(axis: Axis) -> bool:
    """Say whether an axis is one of the pattern, by its unit."""
    sampling = Quantity(axis.scale, axis.unit)
    return is_frequency(sampling) or bool(mrad(sampling, None))


def _nexus(found: Found) -> Described | None:
    array, group = found.array, found.group
    if text(group.attrs.get("NX_class")) != "NXdata":
        return None
    names = [text(name) for name in np.atleast_1d(group.attrs.get("axes", []))]
    axes = tuple(_vector(group[name]) if name in group else Axis(name, 0.0, "") for name in names)
    told = _scalars(group.file)
    saturation = told.get("saturation_value")
    return Described(
        "NeXus",
        axes if len(axes) == array.ndim else (),
        energy=_first(told, ENERGY_NAMES),
        camera_length=_first(told, LENGTH_NAMES),
        detector_pixel=_first(told, PIXEL_NAMES),
        saturation_counts=None if saturation is None else saturation.value,
    )


def _velox(found: Found) -> Described | None:
    """Read Velox's metadata: JSON as bytes, one column for each frame."""
    group = found.group
    if "/Data/Image/" not in found.name or "Metadata" not in group:
        return None
    column = np.asarray(group["Metadata"][:, 0]).astype(np.uint8).tobytes()
    try:
        written = json.loads(column.split(b"\0")[0])
        tension = Quantity(float(written["Optics"]["AccelerationVoltage"]), "V")
    except (ValueError, KeyError, TypeError):
        return Described("Velox", order="frames last")
    try:
        result = written["BinaryResult"]
        size = Quantity(float(result["PixelSize"]["width"]), str(result["PixelUnitX"]))
    except (ValueError, KeyError, TypeError):
        size = None
    return Described("Velox", energy=tension, sampling=size, order="frames last")


def _vector(values: Any) -> Axis:
    """Return the axis that a dataset of positions tells of."""
    name = text(values.attrs.get("name")) or values.name.rsplit("/", 1)[-1]
    unit = text(values.attrs.get("units"))
    few = np.asarray(values[:2]) if values.ndim == 1 else np.zeros(0)
    if len(few) < 2 or not np.issubdtype(few.dtype, np.number):
        return Axis(name, 0.0, unit)
    return Axis(name, float(few[1]) - float(few[0]), unit)


def _calibration(group: Any) -> dict[str, Any]:
    """Return what py4DSTEM calibrated, wherever in its metadata that stands."""
    for holder in (group, group.parent):
        for place in ("metadatabundle/calibration", "calibration"):
            if place in holder:
                found = holder[place]
                values = {key: found[key][()] for key in found if hasattr(found[key], "dtype")}
                return {**dict(found.attrs), **values}
    return {}


def _pair(values: dict[str, Any], size: str, unit: str) -> Quantity | None:
    try:
        return Quantity(float(values[size]), text(values[unit]))
    except (KeyError, ValueError, TypeError):
        return None


def _first(told: dict[str, Quantity], names: tuple[str, ...]) -> Quantity | None:
    """Return the first of some quantities that has a unit."""
    return next((told[name] for name in names if name in told and told[name].unit), None)


def _scalars(file: Any) -> dict[str, Quantity]:
    """Return single numbers of a file by their names, kept as datasets or as attributes."""
    things: list[tuple[str, Any]] = []
    file.visititems(lambda name, thing: things.append((name.rsplit("/", 1)[-1], thing)))
    found: dict[str, Quantity] = {}
    for name, thing in things:
        if getattr(thing, "size", 0) == 1 and np.issubdtype(thing.dtype, np.number):
            value = float(np.asarray(thing[()]).reshape(-1)[0])
            found.setdefault(name.lower(), Quantity(value, text(thing.attrs.get("units"))))
        for key, kept in thing.attrs.items():
            if np.ndim(kept) == 0 and np.issubdtype(np.asarray(kept).dtype, np.number):
                unit = text(thing.attrs.get(f"{key}_units"))
                found.setdefault(key.lower(), Quantity(float(kept), unit))
    return found
