"""The figure of stability: mean FRC over the size of a change. The paper's S4."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.changes import COUNTED_AGAIN, UNCHANGED, Kind
from diffragan.evaluation.paper.column import band_words, column_figure, legend_below, letter
from diffragan.evaluation.paper.stability import Stability
from diffragan.evaluation.style import CONTROL_GREYS, FAINT, INK, METHOD_COLOURS

HEIGHT_INCHES = 2.35
PANELS: tuple[tuple[Kind, str], ...] = (
    ("shift", "shift [Å]"),
    ("turn", "turn [degrees]"),
    ("dose", "share of dose"),
)


def stability_rows(found: Sequence[Stability], limit: MeasuredLimit) -> list[dict[str, Any]]:
    """Describe each change in plain numbers."""
    whole = limit.whole_rings.numpy()
    return [
        {
            "change": "unchanged" if one.change == UNCHANGED else one.change.kind,
            "amount": one.change.amount,
            "score_with_truth": float(one.with_truth[:, whole].mean()),
            "score_with_truth_std": float(one.with_truth[:, whole].mean(1).std()),
            "score_with_unchanged": float(one.with_unchanged[:, whole].mean()),
            "score_with_unchanged_std": float(one.with_unchanged[:, whole].mean(1).std()),
            "frc_with_truth": one.with_truth.mean(0).tolist(),
            "frc_with_unchanged": one.with_unchanged.mean(0).tolist(),
        }
        for one in found
    ]


def draw_stability(found: Sequence[Stability], limit: MeasuredLimit) -> Figure:
    """Draw how the output moves with each kind of change."""
    whole = limit.whole_rings.numpy()
    figure = column_figure(HEIGHT_INCHES)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    by_kind = {kind: [f for f in found if f.change.kind == kind] for kind, _ in PANELS}
    unchanged = next(one for one in found if one.change == UNCHANGED)
    again = next(one for one in found if one.change == COUNTED_AGAIN)
    for text, ax, (kind, label) in zip("abc", panels, PANELS, strict=True):
        at_rest = 1.0 if kind == "dose" else 0.0
        places = [at_rest, *(one.change.amount for one in by_kind[kind])]
        start = again if kind == "dose" else unchanged
        cases = [start, *by_kind[kind]]
        order = np.argsort(places)
        for curves, colour, marker, words in (
            ([c.with_truth for c in cases], METHOD_COLOURS["cgan"], "o", "output and its truth"),
            (
                [c.with_unchanged for c in cases],
                METHOD_COLOURS["hio"],
                "s",
                "output and output of the unchanged input",
            ),
        ):
            _line(ax, np.array(places)[order], [curves[i][:, whole] for i in order], colour, marker,
                  words)  # fmt: skip
        ax.axhline(
            float(again.with_unchanged[:, whole].mean()), color=CONTROL_GREYS[0], lw=0.8,
            ls=(0, (2, 1.2)), label="counts drawn again, else unchanged",
        )  # fmt: skip
        if kind == "dose":
            ax.set_xscale("log", base=2)
            ax.set_xticks((0.25, 0.5, 1.0), ("1/4", "1/2", "1"))
            ax.invert_xaxis()
        if kind == "shift":
            ax.set_xticks((0, 2, 4))
        letter(ax, text)
        ax.set_xlabel(label)
        ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.03)
        ax.grid(axis="y", color=FAINT, lw=0.5)
    panels[0].set_ylabel(f"mean FRC,\n{band_words(limit)}")
    legend_below(figure, panels[0], 1)
    return figure


def _line(
    ax: Axes, places: Any, curves: Sequence[Any], colour: str, marker: str, words: str
) -> None:
    scores = [curve.mean(1) for curve in curves]
    means = [float(one.mean()) for one in scores]
    spread = [float(one.std()) for one in scores]
    ax.errorbar(
        places, means, yerr=spread, color=colour, marker=marker, ms=3, mec=INK, mew=0.3, lw=1,
        elinewidth=0.6, label=words,
    )  # fmt: skip
