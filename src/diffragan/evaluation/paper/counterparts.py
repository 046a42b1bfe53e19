"""Which of the paper's figures each of ours is the counterpart of, and the files' names.

The paper's text was not at hand: its figures are known by their subject, and Figures 3 to 6 only
together.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counterpart:
    """One or several figures of the paper."""

    number: str
    """As files have it: `7`, `3-to-6`, `s1-s2`."""
    words: str
    """As captions have it."""


PICTURES = Counterpart("3-to-6", "among the paper's Figures 3 to 6")
UNSEEN = Counterpart("7", "the paper's Figure 7")
MAPS = Counterpart("8", "the paper's Figure 8")
SIZE = Counterpart("s1-s2", "the paper's S1 and S2")
SMALL = Counterpart("s3", "the paper's S3")
STABILITY = Counterpart("s4", "the paper's S4")
DEFOCUS = Counterpart("s5-to-s7", "the paper's S5 to S7")

COUNTERPARTS = {
    "examples": PICTURES,
    "frc-map": PICTURES,
    "ssim-map": PICTURES,
    "difference": PICTURES,
    "unseen": UNSEEN,
    "reconstruction": MAPS,
    "map": MAPS,
    "size-and-shape": SIZE,
    "small": SMALL,
    "stability": STABILITY,
    "defocus": DEFOCUS,
    "defocus-views": DEFOCUS,
}
"""By the name of our figure. Others have no counterpart that we know of."""


def file_stem(name: str) -> str:
    """Name the files of a figure after the paper's: `unseen` becomes `figure-7-unseen`."""
    found = COUNTERPARTS.get(name)
    return name if found is None else f"figure-{found.number}-{name}"
