"""What phasing says of each observation: its image, how far to trust it, how it fits the counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.evaluation.observed import pattern_fit
from diffragan.evaluation.r_free import free_set_of
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.phasing.protocol import read_observations

BATCH = 32


@dataclass(frozen=True, slots=True)
class PhasedHit:
    """One phased observation."""

    image: NDArray[np.float32]
    """`(y, x)`, recovered."""
    r_factor: float
    r_of_counting: float
    """What is left of a perfect wave by counting alone; not a number where nothing is counted."""
    r_free: float
    """Not a number where phasing was shown all pixels."""
    predicted_angstrom: tuple[float, float, float] | None
    """Resolution, and the two between which it was said to lie [Å]; none where not predicted."""
    failed: bool

    def words(self) -> str:
        """Word how far it can be trusted."""
        measures = {"R-factor": self.r_factor, "R-free": self.r_free}
        told = [f"{name} {value:.3f}" for name, value in measures.items() if np.isfinite(value)]
        if np.isfinite(self.r_of_counting):
            told.append(f"of counting alone {self.r_of_counting:.3f}")
        fit = ", ".join(told)
        if self.predicted_angstrom is None:
            return fit
        middle, fine, coarse = self.predicted_angstrom
        failed = "failed; " if self.failed else ""
        return f"{failed}expected {middle:.2f} Å, {fine:.2f} to {coarse:.2f}; {fit}"


def phased_hits(
    store: PhasedStore, observations: ObservationStore, items: Sequence[int]
) -> dict[int, PhasedHit]:
    """Read what a store holds of some observations, by item, and hold it against their patterns."""
    row_of = {int(item): row for row, item in enumerate(store.read("source_item"))}
    there = [item for item in items if item in row_of]
    free_set = free_set_of(store)
    measured = torch.from_numpy(observations.read("measured").astype(bool))
    free = None if free_set is None else free_set.mask(measured)
    found: dict[int, PhasedHit] = {}
    for start in range(0, len(there), BATCH):
        some = there[start : start + BATCH]
        rows = [row_of[item] for item in some]
        waves = torch.from_numpy(store.read("wave", rows))
        fit = pattern_fit(waves, read_observations(observations, some), free)
        measures = zip(
            *(part.tolist() for part in (fit.r_factor, fit.r_of_counting, fit.r_free)), strict=True
        )
        images, told = store.read("image", rows), _told(store, rows)
        for at, (found_r, counting, unseen) in enumerate(measures):
            found[some[at]] = PhasedHit(images[at], found_r, counting, unseen, *told[at])
    return found


def _told(store: PhasedStore, rows: Sequence[int]) -> list[tuple[Any, bool]]:
    if not store.predicts:
        return [(None, False)] * len(rows)
    middle = store.read("predicted_resolution", rows)
    ends = store.read("predicted_resolution_interval", rows)
    failed = store.read("phasing_failed", rows)
    return [
        ((float(m), float(fine), float(coarse)), bool(f))
        for m, (fine, coarse), f in zip(middle, ends, failed, strict=True)
    ]
