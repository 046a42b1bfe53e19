"""Mean FRC of single views by a map of all of them and by single-image methods."""

from collections.abc import Mapping

import numpy as np

from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import (
    Line,
    column_figure,
    draw_lines,
    frc_axes,
    legend_below,
)
from diffragan.evaluation.single_image.evaluations import Evaluation, Scores
from diffragan.evaluation.single_image.looks import looks
from diffragan.evaluation.wording import resolution_of, shorten

CURVES_INCHES = 2.6
ROW_INCHES = 0.145
LETTERS = 34


def phasers_figure(evaluation: Evaluation, scores: Mapping[str, Scores]) -> Captioned:
    """Draw the mean curve of each method.

    Parameters
    ----------
    scores : By the name of the method, the one the page is about first.
    """
    figure = column_figure(CURVES_INCHES + ROW_INCHES * (len(scores) + 1))
    ax = figure.subplots()
    frc_axes(ax, evaluation.limit)
    known = looks(list(scores))
    lines = [
        Line(
            f"{shorten(name, LETTERS)}: {resolution_of(found)}",
            np.asarray(found["frc_mean"]),
            known[name].colour,
            known[name].dashes,
        )
        for name, found in scores.items()
    ]
    draw_lines(ax, evaluation.limit, lines)
    legend_below(figure, ax, 1)
    views = next(iter(scores.values()))["views"]
    named = ", ".join(m["name"] for m in evaluation.metrics["data"]["molecules"])
    caption = (
        f"Mean Fourier ring correlation of recovered images with the true ones over {views} views "
        f"of {named}; the legend says where a curve falls below 0.5. Light ground: rings measured "
        f"in part, beyond {evaluation.limit.axis_angstrom:.2f} Å."
    )
    told = ", ".join(f"{name} {resolution_of(found)}" for name, found in scores.items())
    return Captioned(figure, caption, f"Mean FRC curves; FRC 0.5 at: {told}.")
