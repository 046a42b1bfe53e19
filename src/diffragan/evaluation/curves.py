"""FRC curves of all methods and controls, and where the measurement ends."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.evaluation.metrics import FRC_THRESHOLD
from diffragan.evaluation.style import (
    CONTROL_GREYS,
    FAINT,
    INK,
    MUTED,
    NOT_MEASURED,
    PARTLY_MEASURED,
    method_colours,
)
from diffragan.evaluation.wording import CONTROL_LABELS, resolution_of, shorten

TOP_TICKS_ANGSTROM = (20, 5, 3, 2, 1.5, 1.2, 1, 0.8, 0.7, 0.6, 0.5)
BEYOND = 1.06
"""How far past the measured limit an axis goes, so that the limit is seen."""
HEIGHT_INCHES = 4.6
LEGEND_ROW_INCHES = 0.17
USUAL_ROWS = 7
"""Rows of the legend for which there is room at that height; more make the figure higher."""
MOST_LETTERS = 24
"""Of a name in the legend, whose two columns must fit the page."""
CONTROL_DASHES = ((5, 2), (1.2, 1.2), (7, 2, 1.2, 2))
"""Of the first three controls, the next three, and so on: there are three greys."""
MOST_BANDS = 4
"""Methods up to which bands of standard deviation can be told apart."""


def draw_frc(metrics: Mapping[str, Any]) -> Figure:
    """Draw mean FRC curves, the controls dashed, and where the measurement ends."""
    methods = metrics["methods"]
    figure = Figure(figsize=(7.2, HEIGHT_INCHES), layout="constrained")
    ax = figure.add_subplot()
    colours = method_colours(list(methods))
    for name, method in methods.items():
        frequency, mean = _curve(method)
        short = shorten(name, MOST_LETTERS)
        ax.plot(frequency, mean, color=colours[name], label=f"{short}: {resolution_of(method)}")
        if method["frc_std"] and shows_bands(metrics):
            spread = np.asarray(method["frc_std"])
            ax.fill_between(
                frequency, mean - spread, mean + spread, color=colours[name], alpha=0.14, lw=0
            )
        wrong = method["controls"]["wrong_diffraction"]
        if "frc_mean" in wrong:
            label = f"{short}, wrong pattern: {resolution_of(wrong)}"
            ax.plot(*_curve(wrong), color=colours[name], lw=1.1, ls=(0, (2, 1.5)), label=label)
    for number, (name, control) in enumerate(metrics["controls"].items()):
        turn, place = divmod(number, len(CONTROL_GREYS))
        dashes = CONTROL_DASHES[turn % len(CONTROL_DASHES)]
        label = f"{CONTROL_LABELS.get(name, name)}: {resolution_of(control)}"
        ax.plot(*_curve(control), color=CONTROL_GREYS[place], lw=1.1, ls=(0, dashes), label=label)
    _frame(ax, metrics)
    rows = ceil(len(ax.get_legend_handles_labels()[0]) / 2)
    figure.set_figheight(HEIGHT_INCHES + LEGEND_ROW_INCHES * max(0, rows - USUAL_ROWS))
    figure.legend(loc="outside lower center", ncols=2, title="mean FRC falls below 0.5 at")
    return figure


def shows_bands(metrics: Mapping[str, Any]) -> bool:
    """Tell whether the figure of FRC curves has room for bands of standard deviation."""
    return len(metrics["methods"]) <= MOST_BANDS


def _curve(scores: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.asarray(scores["frequency_per_angstrom"]), np.asarray(scores["frc_mean"])


def _frame(ax: Axes, metrics: Mapping[str, Any]) -> None:
    """Draw axes, threshold and the measured limit."""
    limit = metrics["measured_limit_angstrom"]
    axis, corner = 1 / limit["axis"], 1 / limit["corner"]
    end = corner * BEYOND
    ax.axvspan(axis, corner, color=PARTLY_MEASURED, zorder=0, lw=0)
    ax.axvspan(corner, end, color=NOT_MEASURED, zorder=0, lw=0)
    ax.axhline(FRC_THRESHOLD, color=MUTED, lw=0.8, zorder=1)
    ax.axhline(0, color=FAINT, lw=0.8, zorder=0)
    lowest = min(0.0, *(float(np.min(line.get_ydata())) for line in ax.get_lines()))
    ax.set_ylim(max(-1.02, lowest - 0.05), 1.05)
    ax.set_xlim(0, end)
    ends = [
        (axis, f"whole rings to {limit['axis']:.2f} Å"),
        (corner, f"corners to {limit['corner']:.2f} Å"),
    ]
    if limit["judged"] > limit["corner"] * BEYOND:
        ends.append((1 / limit["judged"], f"images end at {limit['judged']:.2f} Å"))
    for where, words in ends:
        ax.axvline(where, color=MUTED, lw=0.8, ls=":", zorder=1)
        _upright(ax, where, words)
    ax.text(
        (axis + corner) / 2,
        1.0,
        "partly measured",
        ha="center",
        va="top",
        fontsize=7.5,
        color=MUTED,
    )
    ax.text(
        (corner + end) / 2, 0.5, "not measured", ha="center", va="center", rotation=90,
        fontsize=7.5, color=MUTED,
    )  # fmt: skip
    ax.set_xlabel("spatial frequency [1/Å]")
    ax.set_ylabel("Fourier ring correlation")
    angstrom_axis(ax, end)


def _upright(ax: Axes, where: float, words: str) -> None:
    """Write along a vertical line, on a ground that keeps curves behind the words readable."""
    ax.annotate(
        words,
        (where, 0.9),
        xycoords=("data", "axes fraction"),
        xytext=(-3, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="top",
        fontsize=7,
        color=INK,
        bbox={"facecolor": "white", "alpha": 0.7, "lw": 0, "pad": 0.8},
    )


def angstrom_axis(ax: Axes, end: float) -> None:
    """Label the top of a frequency axis with resolutions, as far apart as they can be read."""
    top = ax.twiny()
    top.set_xlim(0, end)
    ticks = [t for t in TOP_TICKS_ANGSTROM if 1 / t <= end]
    top.set_xticks([1 / t for t in ticks], [f"{t:g}" for t in ticks])
    top.set_xlabel("resolution [Å]")
    top.spines["top"].set_visible(True)
