"""The figure of the convergence study: band, slices, margin, and the promise."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from diffragan.config.accuracy import band_error, slice_error
from diffragan.electron import Electron
from diffragan.io.files import atomic_path

Row = dict[str, Any]
FREQUENCY = 0.8
COLOURS = {80.0: "#b2402e", 200.0: "#222222", 300.0: "#2e6fb2"}
ANGLE_MARKS = {10.0: "v", 20.0: "o", 40.0: "^"}


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the four parts of a study's result."""
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    _band(axes[0, 0], result["band"])
    _slices(axes[0, 1], result["slices"])
    _margin(axes[1, 0], result["margin"])
    _promise(axes[1, 1], result["promise"])
    figure.suptitle(
        f"Relative error of psi_s inside {FREQUENCY:g} 1/Å (20 mrad at 200 keV), "
        f"{len(result['molecules'])} proteins"
    )
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=130)
    plt.close(figure)


def _at(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def _logarithmic(axis: Axes, ticks_x: Sequence[float]) -> None:
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylabel("relative error")
    axis.set_xticks(ticks_x, [f"{tick:g}" for tick in ticks_x])
    axis.minorticks_off()
    axis.grid(alpha=0.25)


def _band(axis: Axes, rows: Sequence[Row]) -> None:
    bands = np.geomspace(1.0, 3.3, 50)
    for energy, colour in COLOURS.items():
        here = _at(rows, q=FREQUENCY, energy_kev=energy)
        if not here:
            continue
        axis.plot([r["band"] for r in here], [r["error"] for r in here], "o", ms=4, color=colour)
        law = [band_error(band, FREQUENCY, Electron(energy)) for band in bands]
        axis.plot(bands, law, color=colour, label=f"{energy:g} keV: the rule")
    _logarithmic(axis, [1, 1.5, 2, 3])
    axis.set_xlabel("band limit [1/Å]")
    axis.set_title("Band limit")
    axis.legend(frameon=False)


def _slices(axis: Axes, rows: Sequence[Row]) -> None:
    thicknesses = np.geomspace(0.8, 20.0, 50)
    for energy, colour in COLOURS.items():
        here = _at(rows, q=FREQUENCY, energy_kev=energy, exact_heights=True)
        if not here:
            continue
        x, y = [r["thickness"] for r in here], [r["error"] for r in here]
        axis.plot(x, y, "o", ms=4, color=colour)
        law = [slice_error(d, FREQUENCY, Electron(energy)) for d in thicknesses]
        axis.plot(thicknesses, law, color=colour, label=f"{energy:g} keV: the rule")
    here = _at(rows, q=FREQUENCY, exact_heights=False)
    axis.plot(
        [r["thickness"] for r in here],
        [r["error"] for r in here],
        "x",
        ms=5,
        color="#888888",
        label="200 keV, at slice centres",
    )
    _logarithmic(axis, [1, 2, 5, 10, 20])
    axis.set_xlabel("slice thickness [Å]")
    axis.set_ylim(bottom=1e-4)
    axis.set_title("Slices, atoms at their own heights")
    axis.legend(loc="lower right", frameon=False)


def _margin(axis: Axes, rows: Sequence[Row]) -> None:
    for mark, band in zip("sov", (1.2, 1.9, 3.0), strict=True):
        here = _at(rows, q=FREQUENCY, band=band)
        axis.plot(
            [r["margin"] for r in here],
            [r["error"] for r in here],
            mark,
            ms=4,
            label=f"band limit {band:g} 1/Å",
        )
    _logarithmic(axis, [0.5, 1, 2, 4, 8])
    axis.set_xlabel("vacuum around the atoms [Å]")
    axis.set_title("Margin of the computed box")
    axis.legend(frameon=False)


def _promise(axis: Axes, rows: Sequence[Row]) -> None:
    shift = {80.0: 0.94, 200.0: 1.0, 300.0: 1.06}
    for angle, mark in ANGLE_MARKS.items():
        for energy, colour in COLOURS.items():
            here = _at(rows, angle_mrad=angle, energy_kev=energy)
            x = [r["accuracy"] * shift[energy] for r in here]
            axis.plot(x, [r["error"] for r in here], mark, ms=4, color=colour, alpha=0.7)
        axis.plot([], [], mark, color="#222222", label=f"inside {angle:g} mrad")
    asked = np.array([0.0008, 0.06])
    axis.plot(asked, asked, color="#888888", label="what was asked for")
    _logarithmic(axis, [0.001, 0.002, 0.005, 0.01, 0.02, 0.05])
    axis.set_xlabel("accuracy asked for")
    axis.set_title("What the rule delivers (colours as above)")
    axis.legend(frameon=False)
