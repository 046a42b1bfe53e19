"""Predicted against true resolution of every view, with the interval that was stated for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.paper.column import column_figure
from diffragan.evaluation.style import FAINT, INK, MUTED, SPARE_COLOURS
from diffragan.evaluation.wording import shorten

Numbers = np.ndarray[Any, Any]
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#9A6A00", *SPARE_COLOURS[:2])
MARKERS = ("o", "s", "^")
MOST_NAMED = len(COLOURS) * len(MARKERS)
"""Proteins that can be told apart; more are drawn alike."""
LETTERS = 14
MANY_VIEWS = 500
TICKS_ANGSTROM = (0.8, 1, 1.2, 1.5, 2, 3, 4, 6, 8, 12, 20)
ROOM = 1.12
"""How far beyond the views the axes go."""
LEAST_SPAN = 3.0
"""Of coarsest over finest end, so that a single view has ticks around it."""
PLOT_INCHES = 3.0
LINE_INCHES = 0.15
COLUMNS = 3


def draw_predicted(method: Mapping[str, Any], proteins: Sequence[str]) -> Figure:
    """Draw true over predicted resolution, one colour and marker for each protein.

    Parameters
    ----------
    method : What `metrics.json` says of a method that predicts.
    proteins : Name of the protein of each of its views.
    """
    predicted = np.asarray(method["predicted_resolution_per_view_angstrom"], dtype=float)
    true = np.asarray(method["resolution_in_bands_per_view_angstrom"], dtype=float)
    ends = np.asarray(method["predicted_resolution_interval_per_view_angstrom"], dtype=float)
    failed = np.isin(method["items"], method["failed_views"])
    names = list(dict.fromkeys(proteins))
    named = 1 < len(names) <= MOST_NAMED
    rows = -(-(len(names) if named else 0) // COLUMNS) + 1
    figure = column_figure(PLOT_INCHES + LINE_INCHES * rows)
    ax = figure.add_subplot()
    low, high = _span(predicted, true)
    # The interval depends on the prediction alone, so that the lines of many views join to a band.
    many = len(predicted) > MANY_VIEWS
    ax.vlines(
        predicted, ends[:, 0].clip(low, high), ends[:, 1].clip(low, high),
        color=FAINT, lw=1.6, alpha=0.3 if many else 0.75, zorder=1, rasterized=many,
    )  # fmt: skip
    ax.plot([low, high], [low, high], color=MUTED, lw=0.8, zorder=2)
    place = np.asarray([names.index(protein) if named else 0 for protein in proteins])
    _scatter(ax, predicted, true, place, failed, many=many)
    for number, name in enumerate(names if named else []):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS)]
        ax.scatter([], [], s=13, marker=marker, color=colour, label=shorten(name, LETTERS))
    ax.plot([], [], color=FAINT, lw=4, label="stated interval")
    if failed.any():
        ax.scatter([], [], s=13, marker="o", facecolor="white", edgecolor=INK, label="failed")
    _resolution_axes(ax, low, high)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=COLUMNS, columnspacing=1.2)
    return figure


def _scatter(
    ax: Axes, predicted: Numbers, true: Numbers, place: Numbers, failed: Numbers, *, many: bool
) -> None:
    """Draw the views in random order: the protein that comes last would hide the others."""
    order = np.random.default_rng(0).permutation(len(predicted))
    for number, marker in enumerate(MARKERS):
        for fails in (False, True):
            of = order[(place[order] // len(COLOURS) == number) & (failed[order] == fails)]
            if not len(of):
                continue
            colours = [COLOURS[index % len(COLOURS)] for index in place[of]]
            ax.scatter(
                predicted[of], true[of], s=4 if many else 13, marker=marker,
                facecolor="white" if fails else colours, edgecolor=colours, linewidth=0.7,
                alpha=0.85, zorder=3, rasterized=many,
            )  # fmt: skip


def _span(predicted: Numbers, true: Numbers) -> tuple[float, float]:
    """Return the ends of both axes [Å], with a little room beyond the views."""
    both = np.concatenate([predicted, true])
    low, high = float(both.min() / ROOM), float(both.max() * ROOM)
    wider = max(1.0, LEAST_SPAN * low / high) ** 0.5
    return low / wider, high * wider


def _resolution_axes(ax: Axes, low: float, high: float) -> None:
    ticks = [t for t in TICKS_ANGSTROM if low <= t <= high]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlim(high, low)
    ax.set_ylim(high, low)
    ax.set_box_aspect(1)
    ax.set_xlabel("predicted resolution [Å], finer to the right")
    ax.set_ylabel("true resolution [Å], finer is higher")
