"""What each protein reaches against its mass, and against how much of the box it fills."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import column_figure, letter
from diffragan.evaluation.single_image.evaluations import MAIN, Evaluation
from diffragan.evaluation.single_image.looks import looks, page_figure, resolution_axis
from diffragan.evaluation.single_image.protein_results import (
    AIM_ANGSTROM,
    WORST_ANGSTROM,
    ProteinResult,
    protein_results,
)
from diffragan.evaluation.style import FAINT, MUTED

HEIGHT_INCHES = 4.9
SHOWN = (MAIN, "hio")
TICKS_PERCENT = (5, 7, 10, 15, 20, 30, 40, 60, 80)


def size_figure(evaluations: Mapping[str, Evaluation]) -> Captioned:
    """Draw each evaluation in a column: against mass above, against filling below.

    Parameters
    ----------
    evaluations : By the name of the data set, two at most.
    """
    found = {words: protein_results(e, SHOWN) for words, e in evaluations.items()}
    limits = [evaluation.limit for evaluation in evaluations.values()]
    figure = draw_sizes(found, limits)
    caption = (
        "Resolution of the mean FRC curve of each protein at 0.5, finer is higher, by "
        f"{' and '.join(_shown(found))}, against its mass (above) and against the share of "
        "the box that its projection covers (below; the oversampling is one over it, and phasing "
        "from a pattern alone needs more than 2, left of 50 %). Lines: "
        f"{AIM_ANGSTROM:g} and {WORST_ANGSTROM:g} Å, and where the pattern ends on its axes "
        "(dotted). Triangles down: below 0.5 from the first ring."
    )
    counts = (
        f"{words}: {sum(p.reached[MAIN].aim for p in proteins if MAIN in p.reached)} of "
        f"{len(proteins)} proteins reach {AIM_ANGSTROM:g} Å by {MAIN}"
        for words, proteins in found.items()
    )
    return Captioned(figure, caption, f"Resolution of proteins by size. {'; '.join(counts)}.")


def draw_sizes(
    found: Mapping[str, Sequence[ProteinResult]], limits: Sequence[MeasuredLimit]
) -> Figure:
    """Draw the panels; all have the same axis of resolution, and rows the same axis below."""
    figure = (page_figure if len(found) > 1 else column_figure)(HEIGHT_INCHES)
    panels = figure.subplots(2, len(found), sharey=True, sharex="row", squeeze=False)
    letters = iter("abcd")
    values = [
        reached.resolution.angstrom
        for proteins in found.values()
        for protein in proteins
        for reached in protein.reached.values()
    ]
    for row, xlabel in enumerate(("mass [kDa]", "filling of the box [%]")):
        for column, (words, proteins) in enumerate(found.items()):
            ax = panels[row, column]
            letter(ax, next(letters), words if row == 0 else "")
            across = [p.mass_kda if row == 0 else 100 * p.filling for p in proteins]
            _points(ax, across, proteins)
            for angstrom in (AIM_ANGSTROM, WORST_ANGSTROM):
                ax.axhline(angstrom, color=MUTED, lw=0.7, zorder=1)
            ax.axhline(limits[column].axis_angstrom, color=MUTED, lw=0.8, ls=":", zorder=1)
            ax.set_xlabel(xlabel)
            ax.grid(color=FAINT, lw=0.4)
            ax.set_axisbelow(True)
        if row == 1:
            _filling_axis(panels[1], found)
        panels[row, 0].set_ylabel("FRC 0.5 at [Å]")
    finest = min([*values, *(limit.axis_angstrom for limit in limits)], default=1.0)
    resolution_axis(panels[0, 0], finest, max([*values, WORST_ANGSTROM]))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=len(SHOWN))
    return figure


def _shown(found: Mapping[str, Sequence[ProteinResult]]) -> list[str]:
    """Tell which methods were judged on some protein by itself."""
    reached = {name for proteins in found.values() for p in proteins for name in p.reached}
    return [name for name in SHOWN if name in reached]


def _points(ax: Axes, across: Sequence[float], proteins: Sequence[ProteinResult]) -> None:
    known = looks(SHOWN)
    for name in reversed(SHOWN):
        if not any(name in protein.reached for protein in proteins):
            continue
        look = known[name]
        for bounded in (False, True):
            chosen = [
                (x, p.reached[name].resolution.angstrom)
                for x, p in zip(across, proteins, strict=True)
                if name in p.reached and p.reached[name].resolution.starts_below == bounded
            ]
            x, y = np.array(chosen).reshape(-1, 2).T
            ax.scatter(
                x, y, s=20, marker="v" if bounded else look.marker, linewidth=0.9, zorder=3,
                facecolor=look.colour if name == MAIN and not bounded else "white",
                edgecolor=look.colour, label=None if bounded else name,
            )  # fmt: skip


def _filling_axis(panels: Sequence[Axes], found: Mapping[str, Sequence[ProteinResult]]) -> None:
    fillings = [100 * p.filling for proteins in found.values() for p in proteins]
    low, high = min(fillings) / 1.25, max(fillings) * 1.25
    for ax in panels:
        ax.set_xscale("log")
        ticks = [t for t in TICKS_PERCENT if low <= t <= high]
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
        ax.minorticks_off()
        ax.set_xlim(low, high)
