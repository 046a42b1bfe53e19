"""R-factors over the reflections a phaser used, and over those it never saw."""

from dataclasses import dataclass

from diffragan.errors import InputError
from diffragan.evaluation.metrics import r_factor
from diffragan.io.phased import PhasedStore
from diffragan.phasing.free_set import FreeSet, recorded_free_set
from diffragan.typing import Float, Mask, Patterns, Tensor, Waves


@dataclass(frozen=True, slots=True)
class RFactors:
    """R-factors of some items, on reflections that were and that were not used in phasing."""

    work: Float[Tensor, " item"]
    free: Float[Tensor, " item"]


def r_factors(waves: Waves, diffraction: Patterns, measured: Mask, free: Mask) -> RFactors:
    """R-work and R-free of waves `(item, y, x)`.

    Whoever takes the measured moduli over has an R-work of 0 whatever its phases; R-free is small
    only if what is known besides the moduli (support, positivity, what a network learnt) gives the
    missing ones. A pattern finer than the molecule asks for ties neighbours together, which lowers
    R-free for all methods alike.

    Parameters
    ----------
    diffraction : `(item, q_y, q_x)`, the whole measured patterns.
    measured : `(q_y, q_x)`, where they were measured.
    free : `(q_y, q_x)`, the pixels that were kept out of phasing (`FreeSet.mask`).

    Raises
    ------
    InputError : No measured pixel is free, or all are.

    Source: Brünger, Nature 355 (1992) 472.
    """
    used, unseen = measured & ~free, measured & free
    if not bool(used.any()) or not bool(unseen.any()):
        raise InputError(
            f"{int(unseen.sum())} of {int(measured.sum())} measured pixels are free, so R-work or "
            "R-free has no pixel; phase again with another free fraction"
        )
    return RFactors(r_factor(waves, diffraction, used), r_factor(waves, diffraction, unseen))


def free_set_of(phased: PhasedStore) -> FreeSet | None:
    """Read from a phased store which pixels its method was not shown; `None` for no such pixels."""
    provenance = phased.store.attributes.get("provenance", {})
    return recorded_free_set(provenance.get("settings", {}))
