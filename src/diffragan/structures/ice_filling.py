"""Fill a box with ice: pieces of one periodic block, each turned and shifted at random.

No piece is longer than the block, so nothing repeats within one, and no two pieces of a box repeat
each other. Where pieces meet, and across the periodic faces, they overlap a little; then the
closest neighbours lose one of the two until the box has the number of waters of its density, and
those that are still too close are pushed apart. The seams are wavy, because the waters along a flat
one would scatter together into a streak across the pattern.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.io.ice_block import IceBlock
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion

Vectors = NDArray[np.float64]

SEAM_OVERLAP_ANGSTROM = 2.0
"""How far two pieces reach into each other: enough that each seam has waters to spare."""
CROWDED_ANGSTROM = 3.5
"""Only oxygens closer than this are thinned out, or may come to touch when others are pushed."""
TOUCHING_ANGSTROM = 2.6
"""Oxygens are pushed apart to this distance, where the first peak of ice begins."""
PUSHES = 6
"""How often; one push can bring a third water close."""
REACH_OF_A_PUSH = 2
"""Neighbours of neighbours of a touching pair may be pushed, no others."""
SEAM_ROUGHNESS_ANGSTROM = 2.0
"""Root mean square height: a streak at 1/3.5 1/Å falls by exp(-(2 pi 2 / 3.5)^2) = 3e-6."""
WAVES = 4
"""Plane waves that make up each seam."""
SHORTEST_WAVE_ANGSTROM = 14.0


def fill_box(
    block: IceBlock,
    lengths: tuple[float, float, float],
    periodic: tuple[bool, bool, bool],
    waters_per_a3: float,
    generator: np.random.Generator,
) -> tuple[Vectors, Vectors]:
    """Fill a box from its corner at the origin.

    Parameters
    ----------
    block : The ice to cut pieces from.
    lengths : Sides of the box along x, y, z [Å].
    periodic : Axes along which the box repeats; along the others it ends in a plane cut.
    waters_per_a3 : Number density to leave [1/Å3].
    generator : Turns and shifts the pieces.

    Returns
    -------
    Oxygens `(waters, 3)` inside the box, and hydrogens `(waters, 2, 3)` from their oxygen [Å].
    """
    sides = np.array(lengths)
    oxygens, hydrogens = _joined_pieces(block, sides, np.array(periodic), generator)
    periods = np.where(periodic, sides, np.inf)
    oxygens = wrapped(oxygens, periods)
    pairs = close_pairs(oxygens, periods, CROWDED_ANGSTROM)
    kept = thinned(len(oxygens), pairs, round(waters_per_a3 * float(sides.prod())))
    return pushed_apart(oxygens, kept, pairs, periods)[kept], hydrogens[kept]


def _joined_pieces(
    block: IceBlock, sides: Vectors, repeats: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[Vectors, Vectors]:
    """Cut as many pieces as the box needs, alike in size, each reaching into its neighbours."""
    seams = random_waves(sides, generator)
    counts = np.ceil(sides / block.edge_angstrom).astype(int)
    sizes = sides / counts
    reach = SEAM_OVERLAP_ANGSTROM / 2
    room = reach + WAVES * seams.height  # all waves at their crest
    pieces = []
    for index in product(*(range(count) for count in counts)):
        low, high = sizes * index, sizes * (np.array(index) + 1)
        below = repeats | (np.array(index) > 0)  # there is a neighbour on this side
        above = repeats | (np.array(index) < counts - 1)
        oxygens, hydrogens = random_piece(block, low - below * room, high + above * room, generator)
        flat = oxygens - seams.shift(oxygens)
        inside = ((flat >= low - reach) | ~below) & ((flat <= high + reach) | ~above)
        pieces.append((oxygens[inside.all(1)], hydrogens[inside.all(1)]))
    return (
        np.concatenate([oxygens for oxygens, _ in pieces]),
        np.concatenate([hydrogens for _, hydrogens in pieces]),
    )


@dataclass(frozen=True, slots=True)
class SeamWaves:
    """How far the seams between pieces lie from their planes, everywhere in a box."""

    frequencies: Vectors
    """`(axes, waves, 3)`: whole waves along each side, none across the seam [1/Å]."""
    phases: Vectors
    """`(axes, waves)` [rad]."""
    height: float
    """Of each wave [Å]."""

    def shift(self, points: Vectors) -> Vectors:
        """Shift of the seams across x, y and z at points `(n, 3)` [Å]."""
        angle = 2 * np.pi * np.einsum("nc,awc->naw", points, self.frequencies) + self.phases
        return np.asarray(self.height * np.cos(angle).sum(2))


def random_waves(sides: Vectors, generator: np.random.Generator) -> SeamWaves:
    """Draw waves that fit a box of these sides [Å]."""
    most = np.maximum(np.round(sides / SHORTEST_WAVE_ANGSTROM), 1)
    counts = np.round(generator.uniform(-1, 1, (3, WAVES, 3)) * most)
    counts[np.arange(3), :, np.arange(3)] = 0
    phases = generator.uniform(0, 2 * np.pi, (3, WAVES))
    return SeamWaves(counts / sides, phases, SEAM_ROUGHNESS_ANGSTROM * (2 / WAVES) ** 0.5)


def random_piece(
    block: IceBlock, low: Vectors, high: Vectors, generator: np.random.Generator
) -> tuple[Vectors, Vectors]:
    """Cut the box between two corners out of the endless block, turned and shifted at random.

    Returns oxygens `(waters, 3)` and hydrogens from their oxygen `(waters, 2, 3)` [Å].
    """
    matrix = matrix_from_quaternion(uniform_quaternion(generator))
    origin = generator.uniform(0, block.edge_angstrom, 3)  # lands in the middle of the piece
    half, middle = (high - low) / 2, (high + low) / 2
    oxygens, hydrogens = [], []
    for shift in _overlapping_cells(block.edge_angstrom, origin, matrix, half):
        turned = (block.oxygens + (shift - origin)) @ matrix.T
        inside = (np.abs(turned) <= half).all(1)
        oxygens.append(turned[inside] + middle)
        hydrogens.append(block.hydrogens[inside] @ matrix.T)
    return np.concatenate(oxygens), np.concatenate(hydrogens)


def _overlapping_cells(
    edge: float, origin: Vectors, matrix: Vectors, half: Vectors
) -> Iterator[Vectors]:
    """Yield the lattice shifts of the periodic copies that may reach into a turned box."""
    reach = np.abs(matrix.T) @ half  # half the box's extent along the block's own axes
    first = np.floor((origin - reach) / edge).astype(int)
    last = np.floor((origin + reach) / edge).astype(int)
    copy_half = np.abs(matrix) @ np.full(3, edge / 2)  # half a copy's extent along the box's axes
    for index in product(*(range(a, b + 1) for a, b in zip(first, last, strict=True))):
        shift = edge * np.array(index)
        centre = matrix @ (shift + edge / 2 - origin)
        if (np.abs(centre) <= half + copy_half).all():
            yield shift


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

    Parameters
    ----------
    waters : How many there are.
    pairs : The close ones.
    count : How many shall stay; all stay when there are no more.
    """
    kept = np.ones(waters, dtype=bool)
    excess = waters - count
    for pair in np.argsort(pairs.distance, kind="stable"):
        if excess <= 0:
            break
        if kept[pairs.first[pair]] and kept[pairs.second[pair]]:
            kept[pairs.second[pair]] = False
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
