"""The learning curve of the network, continued by a power law, and what the phaser makes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import column_figure, letter
from diffragan.evaluation.single_image.conditions_figure import draw_resolutions, interval
from diffragan.evaluation.single_image.evaluations import MAIN, Evaluation
from diffragan.evaluation.single_image.learning import MORE, Learning
from diffragan.evaluation.single_image.looks import looks, resolution_axis
from diffragan.evaluation.style import FAINT, MUTED

PANEL_INCHES = 1.9
LEGEND_INCHES = 0.35
METHODS = (MAIN, "network")
VIEW_TICKS = tuple(digit * 10**power for power in range(2, 9) for digit in (1, 2, 5))

Trained = Sequence[tuple[float, Evaluation]]


def learning_figure(learning: Learning, trained: Trained = ()) -> Captioned:
    """Draw 1 - FRC and the resolution of validations, and of whole evaluations where given.

    Parameters
    ----------
    trained : Training views seen, and the evaluation of the weights then, in order.
    """
    panels = 3 if trained else 2
    figure = column_figure(PANEL_INCHES * panels + LEGEND_INCHES)
    axes = figure.subplots(panels, 1, sharex=True)
    look = looks(["network"])["network"]
    style: Mapping[str, Any] = {"ls": "none", "marker": look.marker, "ms": 3, "mew": 0}
    ahead = np.geomspace(learning.views[0], MORE * learning.last_views, 60)
    error, resolution = axes[0], axes[1]
    error.plot(learning.views, 1 - learning.frc, color=look.colour, label="validation", **style)
    resolution.plot(learning.views, learning.resolution_angstrom, color=look.colour, **style)
    for ax, law in ((error, learning.law), (resolution, learning.resolution_law)):
        if law is not None:
            _continued(ax, ahead, law(ahead), learning.last_views)
    error.set_yscale("log")
    error.yaxis.set_major_locator(MaxNLocator(5))
    error.yaxis.set_major_formatter("{x:g}")
    error.yaxis.set_minor_formatter(NullFormatter())
    error.yaxis.set_minor_locator(NullLocator())
    error.set_ylabel("1 − FRC")
    values = learning.resolution_angstrom
    finest = float(values.min())
    if learning.resolution_law is not None:
        finest = min(finest, float(learning.resolution_law(ahead[-1])))
    _linear_resolution(resolution, finest, float(values.max()))
    resolution.set_ylabel("network: FRC 0.5 at [Å]")
    if trained:
        _trained(axes[2], trained)
    for text, ax in zip("abc", axes, strict=False):
        letter(ax, text)
        _views_axis(ax, ahead[0], ahead[-1])
        ax.axvline(learning.last_views, color=MUTED, lw=0.7, ls=":")
        ax.grid(color=FAINT, lw=0.4)
        ax.set_axisbelow(True)
    axes[-1].set_xlabel("training views seen (k: thousands)")
    handles, labels = error.get_legend_handles_labels()
    if trained:
        more, words = axes[2].get_legend_handles_labels()
        handles, labels = handles + more, labels + words
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return Captioned(figure, _caption(learning, bool(trained)), _alt(learning))


def _continued(ax: Axes, ahead: Any, values: Any, seen: float) -> None:
    measured = ahead <= seen
    ax.plot(ahead[measured], values[measured], color=MUTED, lw=0.9, label="power law")
    ax.plot(
        ahead[~measured], values[~measured], color=MUTED, lw=0.9, ls=(0, (3, 2)),
        label="extrapolated",
    )  # fmt: skip


def _views_axis(ax: Axes, least: float, most: float) -> None:
    ticks = [t for t in VIEW_TICKS if least / 1.2 <= t <= most * 1.2]
    ax.set_xscale("log")
    ax.set_xticks(ticks, [_count(t) for t in ticks])
    ax.minorticks_off()


def _count(views: float) -> str:
    if views >= 1e6:
        return f"{views / 1e6:g}M"
    return f"{views / 1e3:g}k" if views >= 1e3 else f"{views:g}"


def _linear_resolution(ax: Axes, finest: float, coarsest: float) -> None:
    room = max(0.05, 0.08 * (coarsest - finest))
    ax.set_ylim(coarsest + room, finest - room)


def _trained(ax: Axes, trained: Trained) -> None:
    known, seen = looks(METHODS), []
    for name in METHODS:
        every = ((views, evaluation.scores(name)) for views, evaluation in trained)
        found = [(views, scores) for views, scores in every if scores is not None]
        seen += [scores["resolution_frc_0p5_angstrom"] for _, scores in found]
        seen += [end for _, scores in found for end in interval(scores) if name == MAIN]
        draw_resolutions(ax, found, known[name], name)
    resolution_axis(ax, min(seen), max(seen))
    ax.set_ylabel("evaluated: FRC 0.5 at [Å]")


def _caption(learning: Learning, evaluated: bool) -> str:
    words = (
        "Learning curve of the network alone: 1 − FRC (a) and resolution (b) of validation views, "
        "whose proteins are not trained on, against training views seen. "
    )
    if learning.law is not None:
        words += (
            "Grey: power laws through all validations but those of the first tenth; dashed right "
            f"of the dotted line: extrapolated to {MORE} times the views, not measured. "
        )
    if evaluated:
        words += "c: whole evaluations with the weights that the training had then."
    return words.strip()


def _alt(learning: Learning) -> str:
    last = f"1 − FRC falls to {1 - learning.frc[-1]:.3f} after {learning.last_views:,.0f} views"
    if learning.law is None:
        return f"Learning curve: {last}."
    return f"Learning curve: {last}, as the power {-learning.law.exponent:.2f} of the views."
