"""How each method looks in every figure of the page, and how wide figures are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.paper.column import DASHES, MM_PER_INCH
from diffragan.evaluation.single_image.evaluations import COMPARED
from diffragan.evaluation.style import MARKERS, METHOD_COLOURS, SPARE_COLOURS

PAGE_INCHES = 180 / MM_PER_INCH
NETWORK = METHOD_COLOURS["unrolled"]
TICKS_ANGSTROM = (0.8, 1, 1.2, 1.5, 2, 3, 4, 6, 10, 18)
CLOSE_TICKS_ANGSTROM = (
    0.8,
    0.9,
    1,
    1.1,
    1.2,
    1.3,
    1.5,
    1.7,
    2,
    2.5,
    3,
    3.5,
    4,
    5,
    6,
    8,
    10,
    14,
    18,
)
CLOSE = 6.0
"""Coarsest over finest resolution, below which there is room for these."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker and dashes: told apart without colour too."""

    colour: str
    marker: str
    dashes: Any


def looks(names: Sequence[str]) -> dict[str, Look]:
    """Give every method its look: always the same for one that is known."""
    found, spare = {}, 0
    for name in names:
        if name in COMPARED:
            place = COMPARED.index(name)
            colour = NETWORK if name == "network" else METHOD_COLOURS[name]
        else:
            place, colour = len(COMPARED) + spare, SPARE_COLOURS[spare % len(SPARE_COLOURS)]
            spare += 1
        found[name] = Look(colour, MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)])
    return found


def page_figure(height_inches: float) -> Figure:
    """Start a figure as wide as two columns of a journal."""
    return Figure(figsize=(PAGE_INCHES, height_inches), layout="constrained")


def resolution_axis(ax: Axes, finest: float, coarsest: float) -> None:
    """Let resolution [Å] run up a logarithmic axis, finer higher, with room at both ends."""
    low, high = finest / 1.1, coarsest * 1.1
    ax.set_yscale("log")
    among = CLOSE_TICKS_ANGSTROM if high / low < CLOSE else TICKS_ANGSTROM
    ticks = [t for t in among if low <= t <= high]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()
    ax.set_ylim(high, low)
