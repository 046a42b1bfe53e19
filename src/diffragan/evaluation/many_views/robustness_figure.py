"""Correlation with the truth against the size of each error of an experiment."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from diffragan.evaluation.many_views.looks import look, marker
from diffragan.evaluation.many_views.robustness import FAULTS, Fault, Robustness
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import DASHES, letter
from diffragan.evaluation.single_image.looks import page_figure
from diffragan.evaluation.style import FAINT, MUTED

HEIGHT_INCHES = 3.9
COLUMNS = 4
SHOWN_ANGSTROM = (3.0, 2.0)
LEFT_ALONE, DEALT_WITH = 0, 1


def robustness_figure(found: Robustness) -> Captioned:
    """Draw one panel for each kind of error that has runs."""
    faults = {name: fault for name, fault in FAULTS.items() if found.curve(name)}
    figure = page_figure(HEIGHT_INCHES)
    rows = -(-len(faults) // COLUMNS)
    axes = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).ravel()
    for text, ax, (name, fault) in zip("abcdefgh", axes, faults.items(), strict=False):
        _panel(ax, found, name, fault)
        letter(ax, text, fault.words)
    for place, ax in enumerate(axes):
        ax.set_visible(place < len(faults))
        if place % COLUMNS == 0:
            ax.set_ylabel("FSC with the truth")
    first = axes[0]
    for angstrom, dashes in zip(SHOWN_ANGSTROM, DASHES, strict=False):
        first.plot([], [], color=MUTED, ls=dashes, label=f"at {angstrom:g} Å")
    words = ", ".join(fault.variant_words for fault in faults.values() if fault.variant)
    for place, label in ((LEFT_ALONE, "left alone"), (DEALT_WITH, f"dealt with: {words}")):
        colour = look(place)["color"]
        first.plot([], [], marker(place), color=colour, ms=4, label=label)
    handles, labels = first.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    caption = (
        f"Fourier shell correlation of maps of {found.molecule} with the true potential at "
        f"{SHOWN_ANGSTROM[0]:g} Å and {SHOWN_ANGSTROM[1]:g} Å, against the size of one error at a "
        "time, of which merging does not know; dotted: 0.5. Counted patterns as in the table."
    )
    told = "; ".join(_told(found, name, fault) for name, fault in faults.items())
    return Captioned(figure, caption, f"Correlation with the truth at 2 Å: {told}.")


def _panel(ax: Axes, found: Robustness, name: str, fault: Fault) -> None:
    for place, curve in enumerate((name, fault.variant)):
        runs = found.curve(curve) if curve else []
        sizes = [fault.scale * run["size"] for run in runs]
        colour = look(place)["color"]
        for angstrom, dashes in zip(SHOWN_ANGSTROM, DASHES, strict=False):
            ax.plot(
                sizes, _values(runs, angstrom), color=colour, ls=dashes, marker=marker(place),
                ms=3.5, mew=0,
            )  # fmt: skip
    ax.axhline(0.5, color=MUTED, lw=0.7, ls=":", zorder=1)
    ax.set(xlabel=fault.axis, ylim=(-0.05, 1.05))
    ax.grid(color=FAINT, lw=0.4)
    ax.set_axisbelow(True)


def _values(runs: Sequence[Mapping[str, Any]], angstrom: float) -> list[float]:
    return [run["fsc_truth_at_angstrom"][f"{angstrom:g}"] for run in runs]


def _told(found: Robustness, name: str, fault: Fault) -> str:
    values = [f"{value:.2f}" for value in _values(found.curve(name), 2.0)]
    return f"{fault.words} {', '.join(values)}"
