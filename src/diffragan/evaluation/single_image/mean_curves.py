"""Mean FRC curves of all methods and controls of an evaluation, and of each protein."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import (
    DASHES,
    Line,
    column_figure,
    draw_lines,
    frc_axes,
    legend_below,
)
from diffragan.evaluation.single_image.evaluations import (
    ALONE,
    AS_CONTROL,
    MAIN,
    Evaluation,
    Scores,
)
from diffragan.evaluation.single_image.looks import looks
from diffragan.evaluation.style import CONTROL_GREYS
from diffragan.evaluation.wording import resolution_of, shorten

CURVES_INCHES = 2.6
ROW_INCHES = 0.145
LETTERS = 34
SHOWN_CONTROLS = {
    "wrong_diffraction": "wrong pattern",
    "wrong_image": "wrong image",
}
"""Of the page's method; the table has all."""


def curves_figure(evaluation: Evaluation, words: str) -> Captioned:
    """Draw the mean curve of every method, and say what is seen.

    Parameters
    ----------
    words : Name of the data set, for the caption.
    """
    main = evaluation.metrics["methods"][evaluation.main]
    proteins = len(evaluation.proteins)
    thin = "; thin: the mean of each protein" if proteins > 1 else ""
    limit = evaluation.limit
    caption = (
        f"{words}: mean Fourier ring correlation of recovered images with the true ones over "
        f"{main['views']} views of {proteins} protein{'' if proteins == 1 else 's'}{thin} by "
        f"{evaluation.main}. The legend says where a curve falls below 0.5. Light ground: rings "
        f"measured in part, beyond {limit.axis_angstrom:.2f} Å, where *measured alone* leaves out "
        "the coefficients that the pattern does not reach; darker: not measured."
    )
    named = (f"{n} {resolution_of(m)}" for n, m in evaluation.metrics["methods"].items())
    return Captioned(
        draw_curves(evaluation), caption, f"Mean FRC curves; FRC 0.5 at: {', '.join(named)}."
    )


def draw_curves(evaluation: Evaluation) -> Figure:
    """Draw all methods, the controls that say most, and each protein by the page's method."""
    lines = _lines(evaluation)
    figure = column_figure(CURVES_INCHES + ROW_INCHES * (len(lines) + 1))
    ax = figure.subplots()
    frc_axes(ax, evaluation.limit)
    _thin(evaluation, ax, lines[0].colour)
    draw_lines(ax, evaluation.limit, lines)
    legend_below(figure, ax, 1)
    return figure


def _thin(evaluation: Evaluation, ax: Axes, colour: str) -> None:
    if len(evaluation.proteins) < 2:
        return
    frequency = evaluation.limit.frequency_per_angstrom.numpy()
    for place, group in enumerate(evaluation.proteins):
        scores = group["scores"].get(evaluation.main)
        if scores is not None:
            label = f"{MAIN}, each protein" if place == 0 else None
            ax.plot(frequency, scores["frc_mean"], color=colour, lw=0.4, alpha=0.5, label=label)


def _lines(evaluation: Evaluation) -> list[Line]:
    methods = evaluation.metrics["methods"]
    order = [evaluation.main, *(name for name in methods if name != evaluation.main)]
    known = looks([MAIN if name == evaluation.main else name for name in order] + list(AS_CONTROL))
    lines = []
    for name in order:
        look = known[MAIN if name == evaluation.main else name]
        lines.append(_line(shorten(name, LETTERS), methods[name], look.colour, look.dashes))
        if name == evaluation.main:
            lines.append(_measured_line(name, methods[name], look.colour))
    for place, (key, words) in enumerate(SHOWN_CONTROLS.items()):
        control = methods[evaluation.main]["controls"].get(key, {})
        if "frc_mean" in control:
            dashes = DASHES[2 if key == "wrong_diffraction" else 4]
            told = f"{evaluation.main}, {words}"
            lines.append(_line(told, control, CONTROL_GREYS[place], dashes))
    for name, key in AS_CONTROL.items():
        control = evaluation.metrics["controls"].get(key)
        if control is not None and name not in methods:
            words = "low-resolution image" if name == ALONE else f"{name}, some views"
            lines.append(_line(words, control, known[name].colour, known[name].dashes))
    return lines


def _measured_line(name: str, scores: Scores, colour: str) -> Line:
    words = f"{name}, measured alone: {resolution_of(scores, 'measured_')}"
    return Line(words, np.asarray(scores["measured_frc_mean"]), colour, DASHES[1])


def _line(words: str, scores: Scores, colour: str, dashes: Any) -> Line:
    return Line(f"{words}: {resolution_of(scores)}", np.asarray(scores["frc_mean"]), colour, dashes)
