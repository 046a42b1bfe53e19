"""A training run in two panels: validation FRC against epoch, and the losses."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.errors import InputError
from diffragan.evaluation.paper.column import DASHES, column_figure, letter
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.style import FAINT, method_colours
from diffragan.io.training_log import Row

HEIGHT_INCHES = 3.3
LOSSES = (("l1", "L1 of the training views"), ("discriminator_loss", "loss of the discriminator"))
X, FRC = "epoch", "validation_frc"


def columns_of(rows: Sequence[Row], names: Sequence[str]) -> dict[str, Numbers]:
    """Read columns of a training log; NaN where a row has no value.

    Raises
    ------
    InputError : The log is empty, or has not the first of the columns.
    """
    if not rows or names[0] not in rows[0]:
        raise InputError(f"the log of the run has no column '{names[0]}'; train with this version")
    return {name: np.array([float(row.get(name) or "nan") for row in rows]) for name in names}


def draw_progress(runs: Mapping[str, Sequence[Row]]) -> Figure:
    """Draw the logs of one or more runs.

    Parameters
    ----------
    runs : Rows of the log of each run, by its name in the figure.
    """
    figure = column_figure(HEIGHT_INCHES)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.2, 1))
    colours = method_colours(list(runs))
    for place, (name, rows) in enumerate(runs.items()):
        found = columns_of(rows, (X, FRC, *(key for key, _ in LOSSES)))
        top.plot(found[X], found[FRC], color=colours[name], marker=".", ms=3, label=name)
        _losses(bottom, found, colours[name], labelled=place == 0)
    top.set_ylabel("validation FRC,\n10 to 2 Å")
    if len(runs) > 1:
        top.legend(loc="lower right")
    bottom.set_yscale("log")
    bottom.set_ylabel("loss")
    bottom.set_xlabel("epoch")
    bottom.legend(loc="center right")
    for text, ax in zip("ab", (top, bottom), strict=True):
        letter(ax, text)
        ax.grid(axis="y", color=FAINT, lw=0.5)
    return figure


def _losses(ax: Axes, found: Mapping[str, Numbers], colour: str, *, labelled: bool) -> None:
    for (key, words), dashes in zip(LOSSES, DASHES, strict=False):
        # Without an adversary there is no discriminator, and its loss is 0.
        if np.nanmax(found[key], initial=0.0) > 0:
            label = words if labelled else None
            ax.plot(found[X], found[key], color=colour, ls=dashes, label=label)
