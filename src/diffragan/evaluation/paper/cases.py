"""Several cases of one test side by side: proteins by size, defoci, training sets, patches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.column import (
    DASHES,
    Line,
    band_words,
    draw_lines,
    frc_axes,
    legend_below,
    letter,
    resolution_words,
    two_parts,
)
from diffragan.evaluation.paper.judged import JudgedViews
from diffragan.evaluation.style import CONTROL_GREYS, FAINT, INK, SPARE_COLOURS

CURVES_INCHES = 2.4
ROW_INCHES = 0.27
KEY_INCHES = 0.14
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#9A6A00", *SPARE_COLOURS)


@dataclass(frozen=True, slots=True)
class Case:
    """One case: its views, and the same views by the low-resolution image alone."""

    label: str
    views: JudgedViews
    image_alone: JudgedViews | None = None

    def summary(self) -> dict[str, Any]:
        """Describe the case in plain numbers."""
        return {
            "label": self.label,
            **self.views.summary(),
            "image_alone": None if self.image_alone is None else self.image_alone.summary(),
        }


def draw_cases(cases: Sequence[Case], limit: MeasuredLimit, title: str) -> Figure:
    """Draw the mean curve of each case, and how its views spread.

    Parameters
    ----------
    title : Of the legend, which says what the cases differ in.
    """
    floors = [case for case in cases if case.image_alone is not None]
    rows = ROW_INCHES * len(cases) + 0.5
    keys = KEY_INCHES * (len(cases) + bool(floors) + 2)
    figure, upper, lower = two_parts(CURVES_INCHES + keys, rows)
    top, bottom = upper.subplots(), lower.subplots()
    frc_axes(top, limit)
    lines = [
        Line(
            f"{case.label}: {resolution_words(case.views.summary())}",
            case.views.curves.mean(0),
            COLOURS[place % len(COLOURS)],
            DASHES[place % len(DASHES)],
        )
        for place, case in enumerate(cases)
    ]
    draw_lines(top, limit, [*lines, *_floor(floors)])
    letter(top, "a")
    for row, case in enumerate(reversed(cases)):
        _strip(bottom, row, case, COLOURS[(len(cases) - 1 - row) % len(COLOURS)])
        # Over its strip, for beside it a label would take half the column.
        bottom.annotate(
            case.label, (0, row), (3, 4), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="bottom",
        )  # fmt: skip
    bottom.set_yticks(())
    bottom.set_ylim(-0.45, len(cases) - 0.15)
    bottom.grid(axis="x", color=FAINT, lw=0.5)
    bottom.set_axisbelow(True)
    bottom.set_xlabel(f"mean FRC of a view, {band_words(limit)}")
    letter(bottom, "b")
    legend_below(upper, top, 1, title)
    return figure


def _floor(cases: Sequence[Case]) -> list[Line]:
    """Mean curve of the low-resolution image alone over the views of all cases."""
    curves = [case.image_alone.curves for case in cases if case.image_alone is not None]
    if not curves:
        return []
    mean = np.concatenate(curves).mean(0)
    return [Line("low-resolution image alone", mean, CONTROL_GREYS[0], (0, (1, 1)))]


def _strip(ax: Axes, row: int, case: Case, colour: str) -> None:
    low, quarter, median, three_quarters, high = np.quantile(
        case.views.scores, (0.05, 0.25, 0.5, 0.75, 0.95)
    )
    ax.plot([low, high], [row, row], color=colour, lw=0.8)
    ax.plot([quarter, three_quarters], [row, row], color=colour, lw=3.6)
    ax.plot(median, row, "o", ms=3.4, color="white", mec=INK, mew=0.7, zorder=3)
    if case.image_alone is not None:
        alone = float(np.median(case.image_alone.scores))
        ax.plot(alone, row, "|", ms=7, color=CONTROL_GREYS[0], mew=1.2)


def case_rows(cases: Sequence[Case]) -> list[Mapping[str, Any]]:
    """Describe all cases in plain numbers."""
    return [case.summary() for case in cases]
