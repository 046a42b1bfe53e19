"""What the groups around an array of an HDF5 file say of its axes, by the layout they follow.

Sources: EMD 0.2 of the NCEM (https://emdatasets.com/format), EMD 1.0 as py4DSTEM writes it, the
NeXus manual (NXdata, https://manual.nexusformat.org), and Velox's as RosettaSciIO documents it.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffragan.io.scans import hyperspy_layout as hyperspy
from diffragan.io.scans.array_scan import Order
from diffragan.io.scans.axes import Axis
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


def described_by(array: Any) -> Described:
    """Return what the layout around an array of h5py tells of it."""
    group = array.parent
    for describe in (_hyperspy, _velox, _emd, _nexus):
        if found := describe(array, group):
            return found
    return Described("no known layout")


def _hyperspy(array: Any, group: Any) -> Described | None:
    if not hyperspy.is_signal(group):
        return None
    energy, camera_length = hyperspy.instrument(group)
    axes = tuple(hyperspy.signal_axes(group, array.ndim))
    return Described("HyperSpy", axes, energy, camera_length=camera_length)


def _emd(array: Any, group: Any) -> Described | None:
    """Read EMD's axes, which count from 1 in files of the NCEM and from 0 in later ones."""
    first = next((n for n in (0, 1) if f"dim{n}" in group), None)
    if first is None or f"dim{first + array.ndim - 1}" not in group:
        return None
    axes = tuple(_vector(group[f"dim{first + place}"]) for place in range(array.ndim))
    values = _calibration(group)
    # The NCEM's axes run from the slowest in some programs, and from the fastest in HyperSpy.
    backwards = first == 1 and (_is_pattern(axes[0]) or "/signals/" in array.name)
    return Described(
        "EMD",
        axes[::-1] if backwards else axes,
        energy=_beam(array.file),
        step=_pair(values, "R_pixel_size", "R_pixel_units"),
        sampling=_pair(values, "Q_pixel_size", "Q_pixel_units"),
        order="reversed" if backwards else "frames first",
    )


def _is_pattern(axis: Axis) -> bool:
    """Say whether an axis is one of the pattern, by its unit."""
    sampling = Quantity(axis.scale, axis.unit)
    return is_frequency(sampling) or bool(mrad(sampling, None))


def _nexus(array: Any, group: Any) -> Described | None:
    if text(group.attrs.get("NX_class")) != "NXdata":
        return None
    names = [text(name) for name in np.atleast_1d(group.attrs.get("axes", []))]
    axes = tuple(_vector(group[name]) if name in group else Axis(name, 0.0, "") for name in names)
    return Described("NeXus", axes if len(axes) == array.ndim else (), energy=_beam(array.file))


def _velox(array: Any, group: Any) -> Described | None:
    """Read Velox's metadata: JSON as bytes, one column for each frame."""
    if "/Data/Image/" not in array.name or "Metadata" not in group:
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


def _beam(file: Any) -> Quantity | None:
    """Return the energy of the beam, where any group names it with a unit."""
    found: dict[str, Quantity] = {}
    for name, value, unit in _scalars(file):
        key = name.lower()
        if key in ENERGY_NAMES and unit and key not in found:
            found[key] = Quantity(value, unit)
    return next((found[name] for name in ENERGY_NAMES if name in found), None)


def _scalars(file: Any) -> Iterator[tuple[str, float, str]]:
    """Yield names, values and units of single numbers, kept as datasets or as attributes."""
    things: list[tuple[str, Any]] = []
    file.visititems(lambda name, thing: things.append((name.rsplit("/", 1)[-1], thing)))
    for name, thing in things:
        if getattr(thing, "size", 0) == 1 and np.issubdtype(thing.dtype, np.number):
            value = float(np.asarray(thing[()]).reshape(-1)[0])
            yield name, value, text(thing.attrs.get("units"))
        for key, kept in thing.attrs.items():
            if np.ndim(kept) == 0 and np.issubdtype(np.asarray(kept).dtype, np.number):
                yield key, float(kept), text(thing.attrs.get(f"{key}_units"))
