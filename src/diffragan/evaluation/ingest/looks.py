"""Colours, marks and short names of what frames show and of what became of hits."""

from collections.abc import Iterable
from dataclasses import dataclass

from diffragan.acquisition.choosing import ASTRAY, NOT_WHOLE
from diffragan.acquisition.findings import KEPT
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.overview.matching import Reason
from diffragan.evaluation.style import lighter

CLASS_COLOURS = dict(
    zip(
        CLASSES,
        ("#DDE1E6", "#9CC9E8", "#2C6FA6", "#4D4D4D", "#D55E00", "#CC79A7", "#9A6A00", "#E0C400"),
        strict=True,
    )
)
"""On maps of the scan: what is common is pale."""


@dataclass(frozen=True, slots=True)
class Look:
    """How hits of one fate are drawn and called."""

    words: str
    name: str
    colour: str
    mark: str

    @property
    def dark(self) -> str:
        """Its colour on a dark ground."""
        return lighter(self.colour)


MARKS = {
    "circle": "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z",
    "square": "M-.85-.85H.85V.85H-.85Z",
    "diamond": "M0-1.2L1.2 0L0 1.2L-1.2 0Z",
    "up": "M0-1.15L1.1.8H-1.1Z",
    "down": "M0 1.15L1.1-.8H-1.1Z",
    "cross": "M-1-.4H-.4V-1H.4V-.4H1V.4H.4V1H-.4V.4H-1Z",
    "bar": "M-1.2-.45H1.2V.45H-1.2Z",
    "post": "M-.45-1.2H.45V1.2H-.45Z",
}
"""Outlines of about radius 1: marks differ without their colours, too."""
KNOWN = (
    Look(KEPT, "kept", "#0072B2", "circle"),
    Look(Reason.OFF_CENTRE.value, "off centre", "#D55E00", "diamond"),
    Look(Reason.SEVERAL.value, "several molecules", "#B0468A", "square"),
    Look(Reason.EMPTY.value, "no molecule in the image", "#3D4450", "up"),
    Look(Reason.EXCLUDED.value, "carbon, crystals or dirt", "#9A6A00", "cross"),
    Look(Reason.OUTSIDE.value, "outside the image", "#1B3A6B", "down"),
    Look(NOT_WHOLE, "at the edge of the image", "#00798C", "bar"),
    Look(ASTRAY, "beam astray", "#7A1F3D", "post"),
)


def looks_of(fates: Iterable[str]) -> list[Look]:
    """Return the looks of the fates that occur, known ones in their order, others after them."""
    found = set(fates)
    known = [look for look in KNOWN if look.words in found]
    others = sorted(found - {look.words for look in KNOWN})
    return known + [Look(words, words, "#4B7A0A", "up") for words in others]
