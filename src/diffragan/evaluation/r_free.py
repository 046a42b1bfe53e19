"""R-factors over the reflections a phaser used, and over those it never saw."""

from dataclasses import dataclass
from typing import Any

import torch

from diffragan.errors import InputError
from diffragan.evaluation.metrics import r_factor
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.free_set import FreeSet, recorded_free_set
from diffragan.typing import Float, Mask, Patterns, Tensor, Waves

BATCH = 16


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


def r_free_scores(data: TripletStore, phased: PhasedStore, device: str = "cpu") -> dict[str, Any]:
    """R-work and R-free of all views of a store, in the words of `metrics.json`.

    Empty where the method was shown the whole pattern: there is no R-free then.

    Raises
    ------
    InputError : The free set leaves no pixel on one side.
    """
    free = free_set_of(phased)
    if free is None:
        return {}
    measured = torch.from_numpy(data.read("measured")).to(device)
    unseen, items = free.mask(measured), phased.read("source_item")
    found: list[RFactors] = []
    for start in range(0, len(items), BATCH):
        rows = range(start, min(start + BATCH, len(items)))
        waves = torch.from_numpy(phased.read("wave", rows)).to(device)
        patterns = torch.from_numpy(data.patterns([int(items[row]) for row in rows])).to(device)
        found.append(r_factors(waves, patterns, measured, unseen))
    work, kept_out = torch.cat([f.work for f in found]), torch.cat([f.free for f in found])
    return {
        **free.recorded,
        "r_work_mean": float(work.mean()),
        "r_free_mean": float(kept_out.mean()),
        "r_free_per_view": kept_out.tolist(),
    }
