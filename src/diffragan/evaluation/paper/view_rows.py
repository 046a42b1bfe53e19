"""Rows of one view each: pattern, low-resolution image, phased image, truth, and its FRC."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.config.experiment import Experiment
from diffragan.evaluation.gallery import molecule_half_width
from diffragan.evaluation.metrics import FRC_THRESHOLD
from diffragan.evaluation.paper.column import COLUMN_INCHES, SMALLEST_POINTS
from diffragan.evaluation.paper.judged import Draw, JudgedViews, Numbers
from diffragan.evaluation.paper.panels import (
    GAP_INCHES,
    Picture,
    column_side,
    picture_axes,
    scale_bar,
    show_image,
    show_pattern,
)
from diffragan.evaluation.style import INK, METHOD_COLOURS, MUTED
from diffragan.io.triplets import TripletStore

HEADING_INCHES = 0.18
CAPTION_INCHES = 0.17
FOOT_INCHES = 0.36
MARGIN_INCHES = 0.05
CURVE_LEFT_INCHES = 0.28
GROUP_INCHES = 0.08
"""Room before a group."""
RINGS_ANGSTROM = (5.0, 2.0)
HEADINGS = ("diffraction", "low res.", "phased", "truth", "FRC")


@dataclass(frozen=True, slots=True)
class Row:
    """One view and what to write over it."""

    words: str
    pattern: Picture
    measured: NDArray[np.bool_]
    low_resolution: Picture
    recovered: Picture
    true: Picture
    curve: Numbers
    """FRC of the recovered image in rings 1, 2, ..."""


def extreme_views(views: JudgedViews, count: int) -> tuple[list[int], list[int]]:
    """Choose the rows of the best and of the worst views, at most one of each molecule.

    By the mean FRC over the whole rings; the best first, and the worst first.
    """
    order = np.argsort(-views.scores, kind="stable")
    return _one_of_each(views, order, count), _one_of_each(views, order[::-1], count)


def _one_of_each(views: JudgedViews, order: NDArray[np.intp], count: int) -> list[int]:
    chosen: dict[int, int] = {}
    for row in order:
        chosen.setdefault(int(views.structure[row]), int(row))
        if len(chosen) == count:
            break
    return list(chosen.values())


def rows_of(
    data: TripletStore, views: JudgedViews, chosen: Sequence[int], draw: Draw, words: str = ""
) -> list[Row]:
    """Read the pictures of some of the judged views.

    Parameters
    ----------
    draw : Gives the phased images.
    words : To write after the molecule's name.
    """
    entries = data.store.attributes["structures"]
    measured = data.read("measured")
    rows = []
    for row in chosen:
        item = int(views.items[row])
        name = entries[int(views.structure[row])]["name"]
        rows.append(
            Row(
                f"{name}{words}, view {item}: mean FRC {views.scores[row]:.2f}",
                data.patterns([item])[0],
                measured,
                data.read("low_resolution", [item])[0].astype(np.float64),
                draw([item])[0].cpu().numpy(),
                data.read("high_resolution", [item])[0],
                views.curves[row],
            )
        )
    return rows


def draw_rows(groups: Sequence[tuple[str, Sequence[Row]]], experiment: Experiment) -> Figure:
    """Draw groups of views, one row each.

    Parameters
    ----------
    groups : Title and rows of each group; a title that is empty takes no room.
    experiment : Box and pixels, the same for all rows.
    """
    rows = [row for _, group in groups for row in group]
    side = column_side(len(HEADINGS), CURVE_LEFT_INCHES + MARGIN_INCHES)
    titles = sum(bool(title) for title, _ in groups)
    height = HEADING_INCHES + (HEADING_INCHES + GROUP_INCHES) * titles + FOOT_INCHES
    height += (side + CAPTION_INCHES) * len(rows)
    figure = Figure(figsize=(COLUMN_INCHES, height))
    half_width = molecule_half_width(np.stack([row.true for row in rows]).astype(np.float64))
    _headings(figure, side)
    top = HEADING_INCHES
    for title, group in groups:
        if title:
            top += GROUP_INCHES
            _write(figure, top + 0.03, title, size=8)
            top += HEADING_INCHES
        for row in group:
            _write(figure, top + 0.04, row.words)
            top += CAPTION_INCHES
            _draw_row(figure, row, experiment, half_width, top, side, last=row is rows[-1])
            top += side
    return figure


def _draw_row(
    figure: Figure,
    row: Row,
    experiment: Experiment,
    half_width: int,
    top: float,
    side: float,
    *,
    last: bool,
) -> None:
    step = side + GAP_INCHES
    axes = [picture_axes(figure, (step * column, top), side) for column in range(4)]
    box = experiment.box_angstrom
    rings = [box / a for a in RINGS_ANGSTROM if box / a < len(row.pattern) / 2]
    show_pattern(axes[0], row.pattern, row.measured, rings)
    show_image(axes[1], row.low_resolution, half_width, 1)
    show_image(axes[2], row.recovered, half_width)
    show_image(axes[3], row.true, half_width)
    if last:
        scale_bar(axes[3], experiment, half_width)
    _curve(picture_axes(figure, (step * 4 + CURVE_LEFT_INCHES, top), side), row, box, last=last)


def _curve(ax: Axes, row: Row, box_angstrom: float, *, last: bool) -> None:
    ax.spines[["left", "bottom"]].set_visible(True)
    frequency = np.arange(1, len(row.curve) + 1) / box_angstrom
    ax.axhline(FRC_THRESHOLD, color=MUTED, lw=0.6)
    ax.plot(frequency, row.curve, color=METHOD_COLOURS["cgan"], lw=0.9)
    ax.set(xlim=(0, frequency[-1]), ylim=(-0.2, 1.02))
    ax.set_yticks((0, 1), ("0", "1"))
    ticks = (0, 0.5, 1) if frequency[-1] >= 1 else (0, 0.5)
    ax.set_xticks(ticks, [f"{t:g}" if last else "" for t in ticks])
    if last:
        ax.set_xlabel("1/Å", labelpad=1)


def _headings(figure: Figure, side: float) -> None:
    width, height = figure.get_size_inches()
    for column, heading in enumerate(HEADINGS):
        left = (side + GAP_INCHES) * column + (CURVE_LEFT_INCHES if heading == "FRC" else 0)
        figure.text(
            (left + side / 2) / width, 1 - 0.03 / height, heading, ha="center", va="top",
            fontsize=SMALLEST_POINTS, color=MUTED,
        )  # fmt: skip


def _write(figure: Figure, top: float, words: str, size: float = SMALLEST_POINTS) -> None:
    height = figure.get_size_inches()[1]
    figure.text(0, 1 - top / height, words, ha="left", va="top", fontsize=size, color=INK)
