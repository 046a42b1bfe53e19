"""A training run: validation FRC against epoch, L1, and the loss of the discriminator."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from diffragan.errors import InputError
from diffragan.evaluation.paper.column import DASHES, column_figure, letter
from diffragan.evaluation.paper.judged import Numbers
from diffragan.evaluation.style import FAINT, method_colours
from diffragan.io.training_log import Row

HEIGHT_INCHES = 3.9
X, FRC, L1, VALIDATION_L1, DISCRIMINATOR = (
    "epoch", "validation_frc", "l1", "validation_l1", "discriminator_loss",
)  # fmt: skip


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
    frc, l1, discriminator = figure.subplots(3, 1, sharex=True, height_ratios=(1.4, 1, 1))
    colours = method_colours(list(runs))
    for name, rows in runs.items():
        found = columns_of(rows, (X, FRC, L1, VALIDATION_L1, DISCRIMINATOR))
        colour, epoch = colours[name], found[X]
        frc.plot(epoch, found[FRC], color=colour, marker=".", ms=3, label=name)
        first = name == next(iter(runs))
        for key, dashes, words in (
            (L1, DASHES[0], "training"),
            (VALIDATION_L1, DASHES[2], "validation"),
        ):
            l1.plot(epoch, found[key], color=colour, ls=dashes, label=words if first else None)
        # Without an adversary there is no discriminator, and its loss is 0.
        if np.nanmax(found[DISCRIMINATOR], initial=0.0) > 0:
            discriminator.plot(epoch, found[DISCRIMINATOR], color=colour)
    frc.set_ylabel("validation FRC,\n10 to 2 Å")
    if len(runs) > 1:
        frc.legend(loc="best")
    l1.set_ylabel("L1")
    l1.legend(loc="best", ncols=2)
    discriminator.set_ylabel("loss of the\ndiscriminator")
    discriminator.set_xlabel("epoch")
    for text, ax in zip("abc", (frc, l1, discriminator), strict=True):
        letter(ax, text)
        ax.grid(axis="y", color=FAINT, lw=0.5)
    return figure
