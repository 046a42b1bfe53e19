"""The coordinates of a store's axes, under the axes' names, as xarray looks for them."""

from collections.abc import Sequence

import numpy as np

from diffragan.io.layout import ArraySpec


def positions(plane: str, pixels: int, box_angstrom: float) -> dict[str, ArraySpec]:
    """Axes `PLANE_y` and `PLANE_x` of images over the whole box, the origin at pixel n // 2."""
    values = (np.arange(pixels) - pixels // 2) * (box_angstrom / pixels)
    return _axes(plane, values.tolist(), "angstrom", "position in the box")


def frequencies(plane: str, pixels: int, box_angstrom: float) -> dict[str, ArraySpec]:
    """Axes `PLANE_y` and `PLANE_x` of patterns, q = 1/d, zero frequency at pixel n // 2."""
    values = (np.arange(pixels) - pixels // 2) / box_angstrom
    return _axes(plane, values.tolist(), "angstrom-1", "spatial frequency, q = 1/d")


def _axes(plane: str, values: Sequence[float], unit: str, meaning: str) -> dict[str, ArraySpec]:
    return {
        f"{plane}_{axis}": ArraySpec(
            (len(values),),
            "float64",
            (f"{plane}_{axis}",),
            unit,
            f"{meaning}, along {axis}",
            per_item=False,
            values=tuple(values),
        )
        for axis in ("y", "x")
    }
