"""How molecules and axes look in the figures of many views."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from diffragan.evaluation.curves import angstrom_axis
from diffragan.evaluation.paper.column import DASHES, SEQUENCE
from diffragan.evaluation.style import FAINT, MARKERS, MUTED, SPARE_COLOURS
from diffragan.evaluation.wording import shorten

LETTERS = 26
_COLOURS = (*SEQUENCE, *SPARE_COLOURS)


def look(place: int) -> dict[str, Any]:
    """Return the colour and dashes of one of several curves, told apart without colour too."""
    return {"color": _COLOURS[place % len(_COLOURS)], "ls": DASHES[place % len(DASHES)]}


def marker(place: int) -> str:
    """Return the marker of one of several series."""
    return MARKERS[place % len(MARKERS)]


def shell_axes(ax: Axes, end_per_angstrom: float, levels: Sequence[float], words: str) -> None:
    """Prepare axes for correlations over shells, with the thresholds that are read off them."""
    for level in levels:
        ax.axhline(level, color=MUTED, lw=0.7, ls=":", zorder=1)
    ax.axhline(0, color=FAINT, lw=0.7, zorder=0)
    ax.set(xlim=(0, end_per_angstrom), xlabel="spatial frequency [1/Å]", ylabel=words)
    ax.set_ylim(-0.05, 1.03)
    angstrom_axis(ax, end_per_angstrom)


def short(name: str) -> str:
    """Cut a name so that it fits a legend."""
    return shorten(name, LETTERS)
