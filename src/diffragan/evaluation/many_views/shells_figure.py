"""Correlations of several maps with the truth and between their halves."""

from collections.abc import Sequence

from diffragan.evaluation.many_views.looks import look, shell_axes, short
from diffragan.evaluation.many_views.runs import HALVES_LEVEL, Run
from diffragan.evaluation.many_views.wording import reached
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import letter
from diffragan.evaluation.single_image.looks import page_figure

HEIGHT_INCHES = 3.0


def shells_figure(runs: Sequence[Run], words: str) -> Captioned:
    """Draw one curve for each map in two panels: with the truth, and half against half.

    Parameters
    ----------
    words : What the maps were made from, for the caption.
    """
    figure = page_figure(HEIGHT_INCHES)
    left, right = figure.subplots(1, 2, sharey=True)
    end = max(1 / run.end_angstrom for run in runs)
    shell_axes(left, end, (0.5, 0.9), "Fourier shell correlation")
    shell_axes(right, end, (HALVES_LEVEL,), "")
    for place, run in enumerate(runs):
        label = f"{short(run.molecule)}, {run.mass_kda:.1f} kDa"
        for ax, curve in ((left, run.truth), (right, run.halves)):
            if curve is not None:
                ax.plot(curve.frequency_per_angstrom[1:], curve.values[1:], **look(place))
        left.plot([], [], label=label, **look(place))
    letter(left, "a", "with the true potential")
    letter(right, "b", "between half maps")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        f"Fourier shell correlations of maps from {words}, a: with the true potential, dotted at "
        f"0.5 and 0.9; b: of maps from independent halves of the patterns, dotted at "
        f"{HALVES_LEVEL}. Curves end where the data do."
    )
    told = "; ".join(
        f"{run.molecule} {reached(run.resolution, run.end_angstrom)}"
        for run in runs
        if run.truth is not None
    )
    return Captioned(figure, caption, f"Two panels of curves; FSC 0.5 with the truth at: {told}.")
