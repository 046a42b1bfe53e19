"""Water molecules that are too close: take some out, push the others apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Vectors = NDArray[np.float64]

CROWDED_ANGSTROM = 3.5
"""Only oxygens closer than this are thinned out, or may come to touch when others are pushed."""
TOUCHING_ANGSTROM = 2.6
"""Oxygens are pushed apart to this distance, where the first peak of ice begins."""
PUSHES = 6
"""How often; one push can bring a third water close."""
REACH_OF_A_PUSH = 2
"""Neighbours of neighbours of a touching pair may be pushed, no others."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of points that are close, in a fixed order."""

    first: NDArray[np.int64]
    """`(pairs,)`: the lower index of each."""
    second: NDArray[np.int64]
    distance: Vectors
    """`(pairs,)`, to the nearest copy [Å]."""


def close_pairs(points: Vectors, periods: Vectors, radius: float) -> Pairs:
    """Find all pairs of points `(n, 3)` closer than `radius` in a box [Å].

    The box repeats along the axes where `periods` is finite.
    """
    repeats = np.isfinite(periods)
    lowest = np.where(repeats, 0.0, points.min(0))
    # A period of 0 tells the tree that the axis does not repeat.
    tree = cKDTree(points - lowest, boxsize=np.where(repeats, periods, 0.0))
    pairs = np.sort(tree.query_pairs(radius, output_type="ndarray"), axis=1)
    pairs = pairs[np.argsort(pairs[:, 0] * len(points) + pairs[:, 1])]
    first, second = pairs[:, 0], pairs[:, 1]
    separation = nearest_image(points[first] - points[second], periods)
    return Pairs(first, second, np.linalg.norm(separation, axis=1))


def thinned(waters: int, pairs: Pairs, count: int) -> NDArray[np.bool_]:
    """Choose which waters stay: of the closest pair one goes, again and again, until `count` stay.

    It is the earlier of the two as often as the later. Waters come piece by piece, so taking always
    the later would thin one side of every seam, a streak in the pattern.

    Parameters
    ----------
    waters : How many there are.
    pairs : The close ones.
    count : How many shall stay; all stay when there are no more.
    """
    kept = np.ones(waters, dtype=bool)
    excess = waters - count
    alike = (pairs.first + pairs.second) % 2 == 0
    going = np.where(alike, pairs.first, pairs.second)
    for pair in np.argsort(pairs.distance, kind="stable"):
        if excess <= 0:
            break
        if kept[pairs.first[pair]] and kept[pairs.second[pair]]:
            kept[going[pair]] = False
            excess -= 1
    return kept


def pushed_apart(
    oxygens: Vectors, kept: NDArray[np.bool_], pairs: Pairs, periods: Vectors
) -> Vectors:
    """Move each two oxygens that touch away from each other, along the line between them.

    Parameters
    ----------
    oxygens : `(waters, 3)`, between 0 and the period along periodic axes [Å].
    kept : `(waters,)`: those that are there.
    pairs : All that are close enough to touch after a push.
    periods : Length of the box where it repeats, infinite elsewhere [Å].
    """
    there = kept[pairs.first] & kept[pairs.second]
    first, second = pairs.first[there], pairs.second[there]
    # Most waters are far from any seam: follow those that touch, and who is close to these.
    may_move = np.zeros(len(oxygens), dtype=bool)
    near = pairs.distance[there] < TOUCHING_ANGSTROM
    for _ in range(REACH_OF_A_PUSH):
        may_move[first[near]] = may_move[second[near]] = True
        near = may_move[first] | may_move[second]
    first, second = first[near], second[near]
    moved = oxygens.copy()
    for _ in range(PUSHES):
        between = nearest_image(moved[first] - moved[second], periods)
        distance = np.linalg.norm(between, axis=1)
        touch = distance < TOUCHING_ANGSTROM
        if not touch.any():
            break
        step = between[touch] * ((TOUCHING_ANGSTROM / distance[touch] - 1) / 2)[:, None]
        np.add.at(moved, first[touch], step)
        np.subtract.at(moved, second[touch], step)
    return wrapped(moved, periods)


def wrapped(points: Vectors, periods: Vectors) -> Vectors:
    """Bring points `(n, 3)` between 0 and the period along every axis that repeats."""
    repeats = np.isfinite(periods)
    inside = np.where(repeats, np.mod(points, np.where(repeats, periods, 1.0)), points)
    return np.where(inside == periods, 0.0, inside)  # the remainder of a tiny negative number


def nearest_image(separation: Vectors, periods: Vectors) -> Vectors:
    """Shorten separations `(n, 3)` by whole periods along every axis that repeats."""
    repeats = np.isfinite(periods)
    finite = np.where(repeats, periods, 1.0)
    return separation - np.where(repeats, np.round(separation / finite) * finite, 0.0)
