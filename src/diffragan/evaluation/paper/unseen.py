"""Unseen proteins over all their orientations: the paper's Figure 7."""

from collections.abc import Mapping, Sequence
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
from diffragan.evaluation.paper.judged import JudgedViews, Numbers
from diffragan.evaluation.style import (
    CONTROL_GREYS,
    FAINT,
    INK,
    MARKERS,
    METHOD_COLOURS,
    method_colours,
)

CURVES_INCHES = 2.7
ROW_INCHES = 0.155
LEGEND_ROW_INCHES = 0.14


def draw_unseen(
    methods: Mapping[str, JudgedViews],
    controls: Mapping[str, Numbers],
    molecules: Sequence[Mapping[str, Any]],
    limit: MeasuredLimit,
) -> Figure:
    """Draw mean curves with their spread over the views, and each molecule's views.

    Parameters
    ----------
    methods : Views of each method; the first is the one the figure is about.
    controls : Mean curve of each control.
    molecules : What `per_molecule` says of the first method.
    """
    names = list(methods)
    first = names[0]
    colours = method_colours(names)
    rows = ROW_INCHES * len(molecules) + 0.55
    keys = LEGEND_ROW_INCHES * (len(names) + len(controls) + 2)
    figure, upper, lower = two_parts(CURVES_INCHES + keys, rows)
    top, bottom = upper.subplots(), lower.subplots()
    frc_axes(top, limit)
    if len(molecules) > 1:
        _faint_molecules(top, molecules, limit, colours[first])
    lines = [
        Line(
            f"{name}: {resolution_words(views.summary())}",
            views.curves.mean(0),
            colours[name],
            DASHES[place % len(DASHES)],
            views.curves.std(0) if place == 0 else None,
        )
        for place, (name, views) in enumerate(methods.items())
    ]
    lines += _control_lines(controls)
    draw_lines(top, limit, lines)
    letter(top, "a")
    _strips(bottom, methods, molecules, colours, limit)
    letter(bottom, "b")
    legend_below(upper, top, 1)
    return figure


def _control_lines(controls: Mapping[str, Numbers]) -> list[Line]:
    """Give a method's colour to what a method made, and each other control its grey and dash."""
    lines = []
    for place, (name, curve) in enumerate(controls.items()):
        grey = CONTROL_GREYS[(place + place // 3) % len(CONTROL_GREYS)]
        colour = METHOD_COLOURS.get(name.split(",")[0].lower())
        dashes = DASHES[1] if colour else DASHES[2 + place % 3]
        lines.append(Line(name, curve, colour or grey, dashes))
    return lines


def _faint_molecules(
    ax: Axes, molecules: Sequence[Mapping[str, Any]], limit: MeasuredLimit, colour: str
) -> None:
    frequency = limit.frequency_per_angstrom.numpy()
    for place, molecule in enumerate(molecules):
        label = f"each of the {len(molecules)} proteins" if place == 0 else None
        ax.plot(frequency, molecule["frc_mean"], color=colour, lw=0.4, alpha=0.55, label=label)


def _strips(
    ax: Axes,
    methods: Mapping[str, JudgedViews],
    molecules: Sequence[Mapping[str, Any]],
    colours: Mapping[str, str],
    limit: MeasuredLimit,
) -> None:
    """Draw for each molecule where its views lie: 5 to 95 %, quartiles and median."""
    first, *others = methods
    for row, molecule in enumerate(molecules):
        scores = methods[first].of([molecule["structure"]]).scores
        low, quarter, median, three_quarters, high = np.quantile(
            scores, (0.05, 0.25, 0.5, 0.75, 0.95)
        )
        ax.plot([low, high], [row, row], color=colours[first], lw=0.8)
        ax.plot([quarter, three_quarters], [row, row], color=colours[first], lw=3.2)
        ax.plot(median, row, "o", ms=3.2, color="white", mec=INK, mew=0.7, zorder=3)
        for place, name in enumerate(others, start=1):
            views = methods[name].of([molecule["structure"]])
            if len(views):
                ax.plot(
                    float(np.median(views.scores)), row, MARKERS[place % len(MARKERS)], ms=3,
                    color=colours[name], mew=0,
                )  # fmt: skip
    ax.set_yticks(
        range(len(molecules)), [f"{m['name']}  {m['mass_kda']:.1f} kDa" for m in molecules]
    )
    ax.set_ylim(-0.7, len(molecules) - 0.3)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color=FAINT, lw=0.5)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"mean FRC of a view, {band_words(limit)}")
