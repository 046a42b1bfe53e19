"""What a frame shows, by what the beam lit."""

from collections.abc import Sequence

from diffragan.io.scans.truth import FRAME_CLASSES

SATURATED_SHARE = 1e-4
"""Of the pixels at the largest value from which a frame counts as saturated (and at least two:
the direct beam's own pixel may always be there)."""
CARBON_ANGSTROM = 20.0
"""Mean thickness of carbon in the beam from which a frame shows carbon."""
CRYSTALLINE_SHARE = 0.1
EMPTY_ANGSTROM = 10.0
"""Mean thickness of ice in the beam below which there is none."""
HIT_SHARE = 0.5
"""Of a molecule in the beam from which the frame shows it."""
LIT_SHARE = 0.1
"""Of a molecule in the beam from which it adds to the pattern of another."""


def frame_class(
    *,
    saturated: bool,
    carbon_angstrom: float,
    ice_angstrom: float,
    crystalline_share: float,
    shares: Sequence[float],
    damaged: bool,
) -> int:
    """Return the index into `FRAME_CLASSES`; what spoils a frame more goes first.

    Parameters
    ----------
    shares : How much of each molecule is lit.
    damaged : Whether the one lit most is.
    """
    return FRAME_CLASSES.index(
        _class_name(saturated, carbon_angstrom, ice_angstrom, crystalline_share, shares, damaged)
    )


def _class_name(
    saturated: bool,
    carbon_angstrom: float,
    ice_angstrom: float,
    crystalline_share: float,
    shares: Sequence[float],
    damaged: bool,
) -> str:
    hit = max(shares, default=0.0) >= HIT_SHARE
    several = sum(share >= LIT_SHARE for share in shares) > 1
    rules = (
        (saturated, "saturated"),
        (carbon_angstrom >= CARBON_ANGSTROM, "carbon"),
        (crystalline_share >= CRYSTALLINE_SHARE, "crystalline_ice"),
        (hit and several, "several"),
        (hit and damaged, "damaged"),
        (hit, "protein"),
        (ice_angstrom < EMPTY_ANGSTROM, "empty"),
    )
    return next((name for holds, name in rules if holds), "ice")
