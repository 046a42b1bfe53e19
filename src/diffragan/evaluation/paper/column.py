"""Figures as wide as one column of a journal, 85 mm, with letters of 7 points or more."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from diffragan.evaluation.curves import TOP_TICKS_ANGSTROM
from diffragan.evaluation.metrics import FRC_THRESHOLD, MeasuredLimit
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.style import (
    FAINT,
    MUTED,
    NOT_MEASURED,
    PARTLY_MEASURED,
    figure_style,
)
from diffragan.rings import COARSEST_ANGSTROM

MM_PER_INCH = 25.4
COLUMN_INCHES = 85 / MM_PER_INCH
SMALLEST_POINTS = 7.0
BEYOND = 1.04
"""How far past the measured limit an axis goes."""
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (1, 1)))
SEQUENCE = ("#440154", "#3B528B", "#21918C", "#3FA34D", "#B8860B")
"""Colours of ordered cases, dark to light, by lightness readable without colour."""

_SETTINGS: dict[Any, Any] = {
    "font.size": SMALLEST_POINTS,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": SMALLEST_POINTS,
    "ytick.labelsize": SMALLEST_POINTS,
    "legend.fontsize": SMALLEST_POINTS,
    "lines.linewidth": 1.2,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.handlelength": 1.8,
    "legend.labelspacing": 0.3,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One curve over rings 1, 2, ..."""

    label: str
    curve: Numbers
    colour: str
    dashes: Any = "-"
    spread: Numbers | None = None
    """Standard deviation over the views, drawn as a band."""


@contextmanager
def column_style() -> Iterator[None]:
    """Draw in the common style at the size of a column."""
    with figure_style(), mpl.rc_context(_SETTINGS):
        yield


def column_figure(height_inches: float) -> Figure:
    """Start a figure that is one column wide."""
    return Figure(figsize=(COLUMN_INCHES, height_inches), layout="constrained")


def two_parts(upper_inches: float, lower_inches: float) -> tuple[Figure, SubFigure, SubFigure]:
    """Start a figure of two parts, one above the other, whose axes need not stand in line."""
    figure = column_figure(upper_inches + lower_inches)
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(upper_inches, lower_inches))
    upper, lower = parts[:, 0]
    return figure, upper, lower


def letter(ax: Axes, text: str, heading: str = "") -> None:
    """Name a panel by a letter, with a heading if it needs one."""
    ax.set_title(f"{text}  {heading}".rstrip(), loc="left", pad=3)


def frc_axes(ax: Axes, limit: MeasuredLimit, *, resolutions: bool = True) -> None:
    """Prepare axes for FRC curves: threshold, and where whole rings and all rings end."""
    axis, last = 1 / limit.axis_angstrom, 1 / limit.judged_angstrom
    end = last * BEYOND
    ax.axvspan(axis, last, color=PARTLY_MEASURED, zorder=0, lw=0)
    ax.axvspan(last, end, color=NOT_MEASURED, zorder=0, lw=0)
    ax.axhline(FRC_THRESHOLD, color=MUTED, lw=0.7, zorder=1)
    ax.axhline(0, color=FAINT, lw=0.7, zorder=0)
    ax.set_xlim(0, end)
    ax.set_xlabel("spatial frequency [1/Å]")
    ax.set_ylabel("FRC")
    if resolutions:
        top = ax.secondary_xaxis("top")
        ticks = [t for t in TOP_TICKS_ANGSTROM if 1 / t <= end]
        top.set_xticks([1 / t for t in ticks], [f"{t:g}" for t in ticks])
        top.set_xlabel("resolution [Å]")
        top.tick_params(length=2.5)


def draw_lines(ax: Axes, limit: MeasuredLimit, lines: Sequence[Line]) -> None:
    """Draw curves into axes that `frc_axes` prepared, and fit the height to them."""
    frequency = limit.frequency_per_angstrom.numpy()
    for line in lines:
        if line.spread is not None:
            ax.fill_between(
                frequency, line.curve - line.spread, line.curve + line.spread,
                color=line.colour, alpha=0.18, lw=0,
            )  # fmt: skip
        ax.plot(frequency, line.curve, color=line.colour, ls=line.dashes, label=line.label)
    # Rings of a few samples before the resolutions that count must not set the scale.
    judged = frequency >= 1 / COARSEST_ANGSTROM
    lowest = min((float(line.curve[judged].min()) for line in lines), default=0.0)
    ax.set_ylim(max(-1.02, min(-0.05, lowest - 0.05)), 1.03)


def legend_below(
    figure: Figure | SubFigure, ax: Axes, columns: int = 2, title: str | None = None
) -> None:
    """Put a legend under a figure or a part of it, outside all axes."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title)


def resolution_words(summary: Mapping[str, Any]) -> str:
    """Word the resolution of a summary, a bound marked as one."""
    angstrom = summary["resolution_frc_0p5_angstrom"]
    if summary["resolution_starts_below"]:
        return f"> {angstrom:.0f} Å"
    return f"{'≤ ' if summary['resolution_reaches_limit'] else ''}{angstrom:.2f} Å"


def band_words(limit: MeasuredLimit) -> str:
    """Name the rings over which a score is the mean."""
    resolutions = 1 / limit.frequency_per_angstrom[limit.whole_rings]
    return f"{float(resolutions[0]):.0f} to {float(resolutions[-1]):.2f} Å"
