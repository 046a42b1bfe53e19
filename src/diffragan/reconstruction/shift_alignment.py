"""Shifts of images at known orientations, refined against what the other images show.

A phasing method may move what it recovers by some pixels, for a pattern does not fix where the
molecule lies. Each image is laid on what the others of its half set say of its Fourier samples: the
halves stay apart, and no image is laid on itself. Only how one half as a whole lies to the other is
told by both: three numbers. Nothing of a truth enters, and the map keeps its place: what the shifts
of all images have in common is taken off.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from diffragan.reconstruction.band import coefficients, half_disc, ramp
from diffragan.reconstruction.other_slices import SliceSums
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.slice_matching import Pair, distance, scale_of
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.typing import Complex, Float, Int, Tensor

MOST_ROUNDS = 10
STILL_PIXELS = 0.05
"""Root mean square move below which the shifts have settled."""
COARSEST_BAND_ANGSTROM = 8.0
"""Of the first rounds; used in any case, for views that drifted agree early no further."""
FINEST_BAND_ANGSTROM = 2.0
"""Finer samples cost more than they tell of a shift."""
COARSE_ROUNDS = 2
BAND_GROWTH = 1.6
"""Of each later round: images then lie right to far less than the finest wave."""
JUDGED_VIEWS = 64
"""So many of a half set tell how far its images agree."""
BATCH = 16


@dataclass(frozen=True, slots=True)
class _Views:
    """Images of a half set, and the sums of all of them, with the present shifts taken off."""

    particles: ParticleSet
    poses: Poses
    items: list[int]
    sums: SliceSums

    def values(self, items: list[int]) -> Iterator[tuple[int, Complex[Tensor, " sample"]]]:
        """Transform each image at the band's samples."""
        band, grid = self.sums.band, self.particles.grid
        for start in range(0, len(items), BATCH):
            some = items[start : start + BATCH]
            found = coefficients(self.particles.read(some).cpu().float(), band, grid)
            shifts = self.poses.shifts_angstrom[some]
            turned = (found * ramp(shifts, band, grid.box_angstrom)).to(torch.complex64)
            yield from zip(some, turned, strict=True)


def align_shifts(
    particles: ParticleSet,
    start: Poses,
    half_sets: Int[Tensor, " n"],
    *,
    turns: Float[Tensor, "turn 3 3"] | None = None,
    rounds: int = MOST_ROUNDS,
    watch: Callable[[int, float], None] | None = None,
) -> Poses:
    """Refine the shifts of all images, the orientations staying as they are.

    Parameters
    ----------
    particles : The images.
    start : Orientations, and the shifts to begin with.
    half_sets : `(n,)` 0 or 1.
    turns : `(turn, 3, 3)` symmetry of the molecule.
    rounds : At most so many; fewer when nothing moves any more.
    watch : Called after each round with its number and the root mean square move [Å].
    """
    grid, poses = particles.grid, start
    ends = min(
        particles.band_limit_per_angstrom or grid.nyquist_per_angstrom, 1 / FINEST_BAND_ANGSTROM
    )
    halves = [torch.nonzero(half_sets == which).flatten().tolist() for which in (0, 1)]
    limit, done = min(1 / COARSEST_BAND_ANGSTROM, ends), 0
    while done < rounds:
        moves = torch.zeros_like(poses.shifts_angstrom)
        for items in halves:
            moves[items] -= _off(_gathered(particles, poses, items, limit, turns)).to(moves)
        moves = without_common_move(poses.rotations, moves)
        change = float(moves.square().sum(1).mean().sqrt())
        poses = Poses(poses.rotations, poses.shifts_angstrom + moves)
        done += 1
        if watch is not None:
            watch(done, change)
        if limit == ends and change < STILL_PIXELS * grid.pixel_angstrom:
            break
        if done >= COARSE_ROUNDS:
            limit = min(BAND_GROWTH * limit, ends)
    return _in_one_frame(particles, poses, halves, limit, turns)


def _gathered(
    particles: ParticleSet,
    poses: Poses,
    items: list[int],
    limit_per_angstrom: float,
    turns: Float[Tensor, "turn 3 3"] | None,
) -> _Views:
    """Sum the slices of a half set up to a frequency [1/Å]."""
    shell = max(1, int(limit_per_angstrom * particles.grid.box_angstrom))
    sums = SliceSums(half_disc(particles.grid.pixels).within(shell), turns)
    views = _Views(particles, poses, items, sums)
    for item, values in views.values(items):
        sums.add(values, poses.rotations[item])
    return views


def _off(views: _Views) -> Float[Tensor, "n 2"]:
    """Find how far each image must be moved onto what the others of its half set say: x, y [Å]."""
    rotations, sums, box = views.poses.rotations, views.sums, views.particles.grid.box_angstrom

    def pairs(items: list[int]) -> Iterator[Pair]:
        for item, values in views.values(items):
            yield values, sums.others(values, rotations[item])

    judged = list(pairs(_judged(views.items)))
    scale = scale_of(judged, sums.band, box / COARSEST_BAND_ANGSTROM)
    laid = judged if len(judged) == len(views.items) else pairs(views.items)
    return torch.stack([distance(pair, scale, sums.band, box)[0] for pair in laid])


def _in_one_frame(
    particles: ParticleSet,
    poses: Poses,
    halves: list[list[int]],
    limit_per_angstrom: float,
    turns: Float[Tensor, "turn 3 3"] | None,
) -> Poses:
    """Move the second half set as a whole to where the first one lies."""
    first, second = (_gathered(particles, poses, one, limit_per_angstrom, turns) for one in halves)
    band, box, items = second.sums.band, particles.grid.box_angstrom, second.items

    def pairs(chosen: list[int]) -> Iterator[Pair]:
        for item, values in second.values(chosen):
            yield values, first.sums.seen(poses.rotations[item])

    scale = scale_of(list(pairs(_judged(items))), band, box / COARSEST_BAND_ANGSTROM)
    laid = [distance(pair, scale, band, box) for pair in pairs(items)]
    off = torch.stack([move for move, _ in laid])
    weight = torch.tensor([max(agreement, 0.0) for _, agreement in laid]).double()
    common = _common_move(poses.rotations[items], off, weight)
    moves = torch.zeros_like(poses.shifts_angstrom)
    moves[items] -= (poses.rotations[items][:, :2].double() @ common).to(moves)
    moves = without_common_move(poses.rotations, moves)
    return Poses(poses.rotations, poses.shifts_angstrom + moves)


def _judged(items: list[int]) -> list[int]:
    """Choose the images that tell how far all agree, evenly."""
    return items[:: -(-len(items) // JUDGED_VIEWS)]


def without_common_move(
    rotations: Float[Tensor, "n 3 3"], moves: Float[Tensor, "n 2"]
) -> Float[Tensor, "n 2"]:
    """Take off moves what one move of the molecule in its own frame would do to all views."""
    common = _common_move(rotations, moves.double(), torch.ones(len(moves)).double())
    kept: Tensor = moves - (rotations[:, :2].double() @ common).to(moves.dtype)
    return kept


def _common_move(
    rotations: Float[Tensor, "n 3 3"], moves: Float[Tensor, "n 2"], weight: Float[Tensor, " n"]
) -> Float[Tensor, " 3"]:
    """Find the move of the molecule in its own frame that explains the views' moves best."""
    rows = (rotations[:, :2].double() * weight[:, None, None]).flatten(0, 1)
    found: Tensor = torch.linalg.lstsq(rows, (moves * weight[:, None]).flatten()[:, None]).solution
    return found[:, 0]
