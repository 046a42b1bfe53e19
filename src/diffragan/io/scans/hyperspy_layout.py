"""HyperSpy's layout of a signal, the same in HDF5 (`.hspy`) and Zarr (`.zspy`).

Source: the groups as RosettaSciIO documents them for its hierarchical formats.
"""

from collections.abc import Mapping
from typing import Any

from diffragan.io.scans.axes import Axis
from diffragan.io.scans.units import Quantity

EXPERIMENTS = "Experiments"
INSTRUMENT = "metadata/Acquisition_instrument/TEM"


def is_signal(group: Any) -> bool:
    """Say whether a group of h5py or Zarr holds a signal."""
    return "data" in group and "axis-0" in group


def signal_axes(group: Any, dimensions: int) -> list[Axis]:
    """Return the axes of a signal, in the order of its array."""
    axes = []
    for place in range(dimensions):
        written: Mapping[str, Any] = group[f"axis-{place}"].attrs
        axes.append(
            Axis(
                text(written.get("name")),
                float(written.get("scale") or 0),
                text(written.get("units")),
            )
        )
    return axes


def instrument(group: Any) -> tuple[Quantity | None, Quantity | None]:
    """Return beam energy and camera length, where the metadata has them."""
    if INSTRUMENT not in group:
        return None, None
    written = group[INSTRUMENT].attrs
    found = []
    for key, unit in (("beam_energy", "keV"), ("camera_length", "mm")):
        value = written.get(key)
        found.append(None if value is None else Quantity(float(value), unit))
    return found[0], found[1]


def text(value: Any) -> str:
    """Return what a file has as text, which may be bytes or nothing."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    plain = "" if value is None else str(value)
    # What HyperSpy writes for nothing.
    return "" if plain in {"_None_", "<undefined>", "None"} else plain
