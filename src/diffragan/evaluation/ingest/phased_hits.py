"""What phasing says of each observation: its image, how far to trust it, how it fits the counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import poisson

from diffragan.errors import InputError
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.physics.forward import diffraction_pattern
from diffragan.typing import Float, Mask, Patterns, Tensor, Waves

BATCH = 32
LEAST_COUNTS, MOST_COUNTS, TABULATED = 1e-4, 100.0, 200
"""Mean counts of which the effect of noise is tabulated."""


@dataclass(frozen=True, slots=True)
class PhasedHit:
    """One phased observation."""

    image: NDArray[np.float32]
    """`(y, x)`, recovered."""
    r_factor: float
    r_factor_background: float
    """Of the background alone, that is without a molecule."""
    r_factor_noise: float | None
    """What counting alone makes of it, were the wave true; none where patterns are not counts."""
    predicted_angstrom: tuple[float, float, float] | None
    """Resolution, and the two between which it was said to lie [Å]; none where not predicted."""
    failed: bool


def names_of(phased: Sequence[PhasedStore]) -> list[str]:
    """Name stores by their methods; those of one method get a number."""
    names: list[str] = []
    for store in phased:
        again = sum(other.method == store.method for other in phased[: len(names)])
        names.append(f"{store.method} {again + 1}" if again else store.method)
    return names


def check_source(store: PhasedStore, observations: ObservationStore) -> None:
    """Refuse waves that were phased from other observations.

    Raises
    ------
    InputError : They were.
    """
    if store.source_identity != observations.identity:
        raise InputError(
            f"{store.store.path}: was phased from other data than {observations.store.path}; "
            "phase these observations"
        )


def phased_hits(
    store: PhasedStore, observations: ObservationStore, items: Sequence[int]
) -> dict[int, PhasedHit]:
    """Read what a store holds of some observations, by item."""
    row_of = {int(item): row for row, item in enumerate(store.read("source_item"))}
    there = [item for item in items if item in row_of]
    measured = torch.from_numpy(observations.read("measured").astype(bool))
    incident = observations.store.attributes.get("incident_electrons")
    found: dict[int, PhasedHit] = {}
    for start in range(0, len(there), BATCH):
        some = there[start : start + BATCH]
        rows = [row_of[item] for item in some]
        patterns = torch.from_numpy(observations.patterns(some))
        behind = observations.backgrounds(some)
        background = torch.zeros_like(patterns) if behind is None else torch.from_numpy(behind)
        waves = torch.from_numpy(store.read("wave", rows))
        fits = r_factor_with_background(waves, patterns, measured, background).tolist()
        alone = r_factor_with_background(0 * waves, patterns, measured, background).tolist()
        noise = _noise(waves, patterns, measured, background, incident)
        images, told = store.read("image", rows), _told(store, rows)
        for at, item in enumerate(some):
            found[item] = PhasedHit(images[at], fits[at], alone[at], noise[at], *told[at])
    return found


def r_factor_with_background(
    waves: Waves, diffraction: Patterns, measured: Mask, background: Patterns
) -> Float[Tensor, " item"]:
    """R-factor of waves with what is counted besides them, over the measured pixels.

    R = sum | |F_obs| - sqrt(|F_calc|^2 + B) | / sum |F_obs|: counts less a background may be
    negative, so it is added to what is calculated.

    Parameters
    ----------
    waves : `(item, y, x)`, scattered.
    diffraction, background : `(item, q_y, q_x)`, fractions of the incident beam.
    measured : `(q_y, q_x)`.

    Source: Rupp, Biomolecular Crystallography (2010), eq. 12-1.
    """
    observed = diffraction.clamp(min=0).sqrt()[..., measured]
    calculated = (diffraction_pattern(waves, diffraction.shape[-1]) + background).sqrt()
    total = observed.sum(-1).clamp(min=torch.finfo(observed.dtype).tiny)
    return (observed - calculated[..., measured]).abs().sum(-1) / total


def r_factor_of_counting(expected: NDArray[np.float64]) -> float:
    """R-factor that Poisson's noise makes although the expected counts are the true ones.

    The mean of | sqrt(n) - sqrt(m) | over all n, summed over pixels, over that of sqrt(n): with
    less than a count in most pixels it is near or above 1 and R says little.

    Parameters
    ----------
    expected : `(pixel,)`, mean counts m.
    """
    means = np.geomspace(LEAST_COUNTS, MOST_COUNTS, TABULATED)
    counts = np.arange(int(MOST_COUNTS + 12 * MOST_COUNTS**0.5))
    chance = poisson.pmf(counts, means[:, None])
    root = np.sqrt(counts)
    off = (chance * np.abs(root - np.sqrt(means)[:, None])).sum(1)
    logarithm, table = np.log(np.clip(expected, LEAST_COUNTS, MOST_COUNTS)), np.log(means)
    # Among many counts the roots deviate by 1/2 (Anscombe), whatever the mean.
    total = np.interp(logarithm, table, chance @ root).sum()
    many = expected > MOST_COUNTS
    total += (np.sqrt(expected[many]) - MOST_COUNTS**0.5).sum()
    return float(np.interp(logarithm, table, off).sum() / total)


def _noise(
    waves: Waves,
    diffraction: Patterns,
    measured: Mask,
    background: Patterns,
    incident_electrons: float | None,
) -> list[float | None]:
    if incident_electrons is None:
        return [None] * len(waves)
    calculated = diffraction_pattern(waves, diffraction.shape[-1]) + background
    means = (calculated[..., measured] * incident_electrons).double().numpy()
    return [r_factor_of_counting(row) for row in means]


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
