"""Errors of orientations before and after their refinement, and what the maps are worth."""

from collections.abc import Sequence

import numpy as np

from diffragan.evaluation.many_views.looks import look, shell_axes, short
from diffragan.evaluation.many_views.orientation_errors import FAR_DEGREES, Oriented
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import DASHES, letter
from diffragan.evaluation.single_image.looks import page_figure
from diffragan.evaluation.style import FAINT, MUTED

HEIGHT_INCHES = 3.0


def orientations_figure(found: Sequence[Oriented]) -> Captioned:
    """Draw how many views lie within an angle of the truth, and correlations with the truth."""
    figure = page_figure(HEIGHT_INCHES)
    left, right = figure.subplots(1, 2)
    end = max(1 / one.run.end_angstrom for one in found)
    for place, one in enumerate(found):
        colour = look(place)["color"]
        for errors, dashes in ((one.before, DASHES[1]), (one.after, DASHES[0])):
            if errors is not None:
                degrees = np.sort(errors.degrees)
                share = np.arange(1, len(degrees) + 1) / len(degrees)
                left.plot(degrees, share, color=colour, ls=dashes)
        if one.run.truth is not None:
            curve = one.run.truth
            right.plot(curve.frequency_per_angstrom[1:], curve.values[1:], **look(place))
        label = f"{short(one.run.molecule)}, {one.run.settings['poses']}"
        right.plot([], [], label=label, **look(place))
    left.set(xlim=(0, FAR_DEGREES), ylim=(0, 1.03))
    left.set(xlabel="error of the orientation [degrees]", ylabel="share of views within it")
    left.grid(color=FAINT, lw=0.4)
    for words, dashes in (("before", DASHES[1]), ("after", DASHES[0])):
        left.plot([], [], color=MUTED, ls=dashes, label=words)
    left.legend(loc="lower right")
    shell_axes(right, end, (0.5,), "Fourier shell correlation")
    letter(left, "a", "orientations")
    letter(right, "b", "with the true potential")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        "a: share of views whose orientation is within an angle of the true one, before (dashed) "
        "and after its refinement against the patterns, once all are laid on the truth by one "
        "rotation; colours as in b. b: Fourier shell correlation of the maps with the true "
        "potential, dotted at 0.5."
    )
    told = "; ".join(
        f"{one.run.molecule}: {_median(one.before)} before, {_median(one.after)} after"
        for one in found
    )
    return Captioned(figure, caption, f"Median errors of orientations: {told}.")


def _median(errors: object) -> str:
    median = getattr(errors, "median", None)
    return "unknown" if median is None else f"{median:.2f} degrees"
