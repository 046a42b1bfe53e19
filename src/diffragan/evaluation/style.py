"""The look that all figures share: restrained, readable for the colour-blind, fit for print."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

METHOD_COLOURS = {
    "hybrid": "#0072B2",
    "hio": "#D55E00",
    "raar": "#CC79A7",
    "er": "#9A6A00",
    "cgan": "#009E73",
    "network": "#56B4E9",
    "unrolled": "#56B4E9",
    "low-resolution": "#6E6E6E",
}
"""Colours of the known methods, the same in every figure (Okabe and Ito, darkened for white)."""
SPARE_COLOURS = ("#1B3A6B", "#7A1F3D", "#4B7A0A", "#7B52AB", "#00798C", "#B8860B")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

INK = "#1F2328"
MUTED = "#6B7280"
FAINT = "#D5D9DF"
CONTROL_GREYS = ("#4D4D4D", "#8A8A8A", "#B3B3B3")
PARTLY_MEASURED = "#F1EFE8"
NOT_MEASURED = "#DEDBD2"
RASTER_DPI = 220
WHITE_ON_DARK = 0.45
"""Share of white in colours on a dark ground."""

_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.hashsalt": "diffragan",
    "svg.fonttype": "path",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in this style, and leave the user's own settings as they were."""
    with mpl.rc_context(_SETTINGS):
        yield


def method_colours(names: Sequence[str]) -> dict[str, str]:
    """Give every method a colour: its own if it is known, the next spare one otherwise."""
    colours: dict[str, str] = {}
    spare = 0
    for name in names:
        known = METHOD_COLOURS.get(name)
        if known is None or known in colours.values():
            known = SPARE_COLOURS[spare % len(SPARE_COLOURS)]
            spare += 1
        colours[name] = known
    return colours


def lighter(colour: str) -> str:
    """Mix a colour `#rrggbb` with white until it reads well on a dark ground."""
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + (255 - part) * WHITE_ON_DARK):02X}" for part in parts)
