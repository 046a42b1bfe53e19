"""Lattice spacings of the rings that a camera length is measured by."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

RingKind = Literal["ice", "vitreous-ice", "gold"]


@dataclass(frozen=True, slots=True)
class KnownRings:
    """Rings of one material."""

    spacings_angstrom: tuple[float, ...]
    """Spacings d [Å], the largest first."""
    strengths: tuple[float, ...]
    """About how strong each ring is, the strongest 1."""
    sharp: bool
    """Whether rings are those of crystals; halos of a glass are wide."""
    relative_error: float
    """How well the spacings themselves are known."""


def _hexagonal(h: int, k: int, index: int, a: float, c: float) -> float:
    """Spacing of a hexagonal lattice [Å]; International Tables for Crystallography C, 1.1."""
    return 1 / sqrt(4 / 3 * (h * h + h * k + k * k) / a**2 + (index / c) ** 2)


# Hexagonal ice at 100 K: a = 4.4969, c = 7.3211 Å; Röttger et al., Acta Cryst. B50 (1994) 644.
# Cubic ice has the same rings but for 100, 101, 102 and 103.
_ICE = tuple(
    _hexagonal(h, k, index, 4.4969, 7.3211)
    for h, k, index in (
        *((1, 0, 0), (0, 0, 2), (1, 0, 1), (1, 0, 2), (1, 1, 0)),
        *((1, 0, 3), (1, 1, 2), (2, 0, 1)),
    )
)
# Gold: a = 4.0786 Å at room temperature; Maeland and Flanagan, Can. J. Phys. 42 (1964) 2364.
_GOLD = tuple(4.0786 / sqrt(n) for n in (3, 4, 8, 11, 12, 16, 19, 20))

KNOWN: dict[RingKind, KnownRings] = {
    # Strengths in X-ray powder patterns; Dowell and Rinfret, Nature 188 (1960) 1144, and alike.
    "ice": KnownRings(_ICE, (1.0, 0.75, 0.5, 0.2, 0.6, 0.35, 0.4, 0.1), True, 0.001),
    # Halos of low-density amorphous ice. Where their tops lie on a sloping background differs from
    # sample to sample: Dubochet et al., Q. Rev. Biophys. 21 (1988) 129, give 3.7 and 2.14 Å.
    "vitreous-ice": KnownRings((3.7, 2.14), (1.0, 0.3), False, 0.015),
    "gold": KnownRings(_GOLD, (1.0, 0.5, 0.35, 0.35, 0.1, 0.05, 0.12, 0.1), True, 0.0005),
}
