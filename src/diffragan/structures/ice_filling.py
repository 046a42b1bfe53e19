"""Fill a box with ice: pieces of one periodic block, each turned and shifted at random.

No piece is longer than the block, so hardly anything repeats within one, and no two pieces of a box
repeat each other. Where pieces meet, and across the periodic faces, they overlap a little; then the
closest neighbours lose one of the two until the box has the number of waters of its density, and
those that are still too close are pushed apart. The seams are wavy, because the waters along a flat
one would scatter together into a streak across the pattern.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from diffragan.io.ice_block import IceBlock
from diffragan.rotations import matrix_from_quaternion, uniform_quaternion
from diffragan.structures.crowding import (
    CROWDED_ANGSTROM,
    close_pairs,
    pushed_apart,
    thinned,
    wrapped,
)

Vectors = NDArray[np.float64]

SEAM_OVERLAP_ANGSTROM = 2.0
"""How far two pieces reach into each other: enough that each seam has waters to spare."""
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
