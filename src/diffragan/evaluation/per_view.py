"""The resolution of every single view, method by method."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.style import FAINT, INK, MARKERS, MUTED, method_colours
from diffragan.evaluation.wording import CONTROL_LABELS


def draw_per_view(metrics: Mapping[str, Any]) -> Figure:
    """Draw the resolution of every view: one column for each method, and the image alone."""
    image_alone = "low_resolution_image_alone"
    columns = {
        **metrics["methods"],
        CONTROL_LABELS[image_alone]: metrics["controls"][image_alone],
    }
    colours = {**method_colours(list(metrics["methods"])), CONTROL_LABELS[image_alone]: MUTED}
    figure = Figure(figsize=(max(4.6, 1.6 + 0.95 * len(columns)), 3.8), layout="constrained")
    ax = figure.add_subplot()
    generator = np.random.default_rng(0)
    for place, (name, scores) in enumerate(columns.items()):
        _strip(ax, place, scores, colours[name], MARKERS[place % len(MARKERS)], generator)
    limit = metrics["measured_limit_angstrom"]
    for key, words in (("axis", "limit on the axes"), ("corner", "limit in the corners")):
        ax.axhline(limit[key], color=MUTED, lw=0.8, ls=":", zorder=0)
        text = f"{words} {limit[key]:.2f} Å"
        ax.annotate(
            text,
            (1, limit[key]),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            fontsize=7,
            color=MUTED,
        )
    ax.set_yscale("log")
    ax.set_ylim(limit["corner"] / 1.12, 24)
    ticks = [t for t in (1, 1.5, 2, 3, 5, 10, 20) if t > limit["corner"] / 1.12]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.invert_yaxis()
    ax.set_ylabel("resolution at FRC 0.5 [Å], finer is higher")
    ax.set_xticks(range(len(columns)), [_wrap(name) for name in columns])
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.6, len(columns) - 0.4)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    ax.set_axisbelow(True)
    return figure


def _strip(
    ax: Axes,
    place: int,
    scores: Mapping[str, Any],
    colour: str,
    marker: str,
    generator: np.random.Generator,
) -> None:
    """Draw the views of one method: filled where measured, open triangles where only bounded."""
    values = np.asarray(scores["resolution_per_view_angstrom"])
    fine = np.asarray(scores["reaches_limit_per_view"], dtype=bool)
    coarse = np.asarray(scores["starts_below_per_view"], dtype=bool)
    across = place + generator.uniform(-0.2, 0.2, len(values))
    size = 16 if len(values) < 200 else 5
    for chosen, shape, face in (
        (~fine & ~coarse, marker, colour),
        (fine, "^", "white"),
        (coarse, "v", "white"),
    ):
        ax.scatter(
            across[chosen], values[chosen], s=size, marker=shape, facecolor=face, edgecolor=colour,
            linewidth=0.8, alpha=0.85,
        )  # fmt: skip
    ax.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=INK, lw=1.6)


def _wrap(name: str, width: int = 14) -> str:
    """Break a label at spaces so that neighbours do not touch."""
    lines = [""]
    for word in name.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(line if len(line) <= width else line[: width - 1] + "…" for line in lines)
