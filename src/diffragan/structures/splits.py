"""Give whole clusters to training, validation and test, so that sizes and masses are balanced."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import ConfigError, InputError

SPLITS = ("train", "validation", "test")
DEFAULT_FRACTIONS = (0.8, 0.1, 0.1)

MAX_MASS_BINS = 10
SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class _Balance:
    """How many molecules of each range of mass every split has, and should have."""

    targets: NDArray[np.float64]
    """Molecules wanted, `(splits, 1 + mass bins)`; column 0 is for all masses."""
    counts: NDArray[np.float64]
    """Molecules placed so far, of the same shape."""

    def cheapest(self, added: NDArray[np.float64], allowed: Sequence[int]) -> int:
        """Return the split where a cluster of `added` molecules raises chi-squared least."""

        def rise(split: int) -> float:
            before = self.counts[split] - self.targets[split]
            change = ((before + added) ** 2 - before**2) / self.targets[split]
            # The number in all weighs as much as the ranges of mass together.
            return float(change[0] * (len(change) - 1) + change[1:].sum())

        return min(allowed, key=rise)


def check_shares(fractions: Sequence[float], seed: int) -> None:
    """Refuse fractions and seeds that no split can have.

    Raises
    ------
    ConfigError : A fraction is negative or no number, they do not sum to 1, or the seed is
        negative.
    """
    if seed < 0:
        raise ConfigError(f"the seed is {seed}; use a whole number that is not negative")
    given = " ".join(f"{one:g}" for one in fractions)
    if len(fractions) != len(SPLITS) or not all(0 <= one <= 1 for one in fractions):
        raise ConfigError(
            f"the fractions are {given}; give three from 0 to 1 for {', '.join(SPLITS)}"
        )
    if not math.isclose(sum(fractions), 1.0, abs_tol=SUM_TOLERANCE):
        raise ConfigError(f"the fractions {given} sum to {sum(fractions):g}; they must sum to 1")


def assign(
    clusters: Sequence[Sequence[int]],
    names: Sequence[str],
    masses_kda: Sequence[float],
    fractions: Sequence[float] = DEFAULT_FRACTIONS,
    seed: int = 0,
) -> list[str]:
    """Return the split of each molecule; members of a cluster have the same.

    Clusters are placed one by one, large ones first and those of one size in an order drawn by
    `seed`, each where the split's numbers of molecules, in all and by mass, come nearest to its
    share. A split with a fraction above zero gets at least one cluster.

    Parameters
    ----------
    clusters : Places of molecules; every molecule is in one cluster.
    names : Name of each molecule, on which the order within a seed depends.
    masses_kda : Mass of each molecule [kDa].
    fractions : Shares of train, validation and test.
    seed : A whole number that is not negative.

    Raises
    ------
    ConfigError : The fractions or the seed cannot be used.
    InputError : There are fewer clusters than splits.
    """
    check_shares(fractions, seed)
    wanted = [split for split, fraction in enumerate(fractions) if fraction > 0]
    if len(clusters) < len(wanted):
        raise InputError(
            f"too few structures: {len(names)} in {len(clusters)} clusters of relatives, but "
            f"{len(wanted)} splits; give more, or set a fraction to 0"
        )
    bins = _mass_bins(masses_kda, min(fractions[split] for split in wanted))
    shares = np.array(fractions)[:, None]
    balance = _Balance(shares * bins.sum(0), np.zeros((len(SPLITS), bins.shape[1])))
    chosen: list[str] = [""] * len(names)
    empty = set(wanted)
    queue = sorted(clusters, key=lambda one: (-len(one), _draw(seed, [names[k] for k in one])))
    for number, members in enumerate(queue):
        needed = len(empty) == len(queue) - number
        added = bins[list(members)].sum(0)
        split = balance.cheapest(added, sorted(empty) if needed else wanted)
        balance.counts[split] += added
        empty.discard(split)
        for member in members:
            chosen[member] = SPLITS[split]
    return chosen


def _mass_bins(masses_kda: Sequence[float], smallest_fraction: float) -> NDArray[np.float64]:
    """Mark the range of mass of each molecule, `(molecules, 1 + bins)`; column 0 is all ones.

    Ranges hold equal numbers, and enough that the smallest split can have one of each.
    """
    masses = np.array(masses_kda)
    count = int(np.clip(len(masses) * smallest_fraction, 1, MAX_MASS_BINS))
    edges = np.quantile(masses, np.arange(1, count) / count)
    marks = np.eye(count)[np.searchsorted(edges, masses, side="right")]
    used = marks[:, marks.any(0)]
    return np.hstack([np.ones((len(masses), 1)), used])


def _draw(seed: int, names: Sequence[str]) -> str:
    """Return a number for a cluster that depends on nothing but the seed and its first name."""
    return hashlib.sha256(f"{seed} {min(names)}".encode()).hexdigest()
