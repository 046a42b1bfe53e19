"""Lay a model into a map: search at low resolution, then refine the best at higher resolution."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.checks import check_contrast, check_volume
from diffragan.reconstruction.validation.docking_refinement import SAMPLES, field_of, refine_pose
from diffragan.reconstruction.validation.docking_search import Poses, apart, search_poses
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.resampling import coarser, pixels_for
from diffragan.reconstruction.validation.residue_model import ResidueModel
from diffragan.reconstruction.validation.rotation_grid import (
    angles_between,
    even_rotations,
    rotations_needed,
)
from diffragan.structures.atomic_model import AtomicModel
from diffragan.threads import one_thread
from diffragan.typing import Float, Tensor, Volume

Numbers = NDArray[np.float64]

SEARCH_ANGSTROM = 10.0
MIDDLE_ANGSTROM = 6.5
FINE_ANGSTROM = 4.0
STAGES = ((MIDDLE_ANGSTROM, 32, 500), (FINE_ANGSTROM, 6, 2000), (0.0, 3, 6000))
"""Resolution [Å], candidates of each hand, and most atoms used; the last goes to the finest."""
FINEST_ANGSTROM = 2.5
"""Finer detail moves a docked model by less than a tenth of an Å."""
FEWEST_ROTATIONS, MOST_ROTATIONS = 3000, 20_000
SAME_ANGLE_RAD = 0.25
SAME_DISTANCE_ANGSTROM = 3.0
"""Poses nearer to each other than both are one."""
LEAST_SAMPLES = 2.2
"""Voxels that the map's finest detail spans; Nyquist's two leave no room for a soft edge."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a model lies best in a map of one hand."""

    rotation: Numbers
    """`(3, 3)`: a position p of the model goes to `rotation @ p + shift`."""
    shift: Numbers
    """`(3,)` [Å]."""
    score: float
    """Mean correlation of coefficients with the model's, shells whitened, to the resolution."""
    runner_up: float
    """The best score at another pose."""


@dataclass(frozen=True, slots=True)
class Docking:
    """Where a model lies best in a map and in its mirror image."""

    as_is: Pose
    in_mirrored: Pose
    """In the map mirrored through z = 0."""
    resolution_angstrom: float
    """Finest detail that counted [Å]."""
    expected_score: float | None = None
    """What a perfect model would score in a map so noisy, where half maps tell how noisy it is."""

    @property
    def mirrored(self) -> bool:
        """Whether the mirrored map fits better."""
        return self.in_mirrored.score > self.as_is.score

    @property
    def best(self) -> Pose:
        """The better of both."""
        return self.in_mirrored if self.mirrored else self.as_is

    @property
    def other_hand(self) -> float:
        """Score of the worse of both."""
        return min(self.in_mirrored.score, self.as_is.score)


def dock(
    volume: Volume,
    grid: Grid,
    model: ResidueModel,
    *,
    resolution_angstrom: float | None = None,
    fsc_half_maps: Float[Tensor, " shell"] | None = None,
) -> Docking:
    """Find where and in which hand of the map a rigid model fits best.

    Parameters
    ----------
    volume : `(z, y, x)`.
    grid : Its sampling.
    model : Anywhere, turned in any way.
    resolution_angstrom : Of the map, finer detail is noise; to near Nyquist when not given [Å].
    fsc_half_maps : `(shell,)`, without a mask: says what a perfect model would score.

    Raises
    ------
    InputError : The map is flat, not finite or of another size, or the model is larger than it.
    """
    check_volume(volume, grid)
    check_contrast(volume)
    seen = model.heavy if model.heavy.any() else ~model.heavy
    centre = model.positions[seen].mean(0)
    positions = model.positions - centre
    _check_size(positions, grid, model.name)
    atoms = AtomicModel(torch.from_numpy(positions), torch.from_numpy(model.atomic_numbers))
    finest = max(resolution_angstrom or 0.0, FINEST_ANGSTROM, LEAST_SAMPLES * grid.pixel_angstrom)
    # Many small transforms: several threads would wait for each other more than they compute.
    with one_thread():
        coarse, coarse_grid = coarser(volume, grid, pixels_for(grid, finest, SAMPLES))
        maps = [coarse, mirror_volume(coarse)]
        found = _searched(maps, coarse_grid, atoms, finest)
        weights = model.atomic_numbers[seen]
        before, found = _climbed(maps, found, coarse_grid, atoms, positions[seen], weights, finest)
    as_is, in_mirrored = (_best(*one, centre) for one in zip(found, before, strict=True))
    expected = None
    if fsc_half_maps is not None:
        expected = expected_score(fsc_half_maps, grid.box_angstrom, finest)
    return Docking(as_is, in_mirrored, finest, expected)


def expected_score(
    fsc_half_maps: Float[Tensor, " shell"], box_angstrom: float, resolution_angstrom: float
) -> float:
    """Score of a perfect model in the mean of two half maps: their C_ref, over coefficients.

    Source: Rosenthal and Henderson, J. Mol. Biol. 333 (2003) 721, eq. 18.
    """
    last = min(len(fsc_half_maps), round(box_angstrom / resolution_angstrom) + 1)
    halves = fsc_half_maps[1:last].clamp(min=0).double()
    coefficients = torch.arange(1, last, dtype=torch.float64) ** 2
    reference = (2 * halves / (1 + halves)).sqrt()
    return float((coefficients * reference).sum() / coefficients.sum().clamp(min=1))


def _check_size(positions: Numbers, grid: Grid, name: str) -> None:
    extent = float(np.ptp(positions, axis=0).min())
    if extent > grid.box_angstrom:
        raise InputError(
            f"the model {name} is {extent:.0f} Å long and the map only {grid.box_angstrom:.0f} Å; "
            "give the model of one molecule, or check the map's pixel size"
        )


def _searched(maps: list[Volume], grid: Grid, atoms: AtomicModel, finest: float) -> list[Poses]:
    resolution = max(SEARCH_ANGSTROM, finest)
    spread = float(atoms.positions.square().sum(-1).mean().sqrt())
    count = rotations_needed(resolution / 2 / max(spread, 1.0))
    rotations = even_rotations(min(max(count, FEWEST_ROTATIONS), MOST_ROTATIONS))
    return search_poses(maps, grid, atoms, rotations, resolution)


def _climbed(
    maps: list[Volume],
    found: list[Poses],
    grid: Grid,
    atoms: AtomicModel,
    positions: Numbers,
    atomic_numbers: NDArray[np.int64],
    finest: float,
) -> tuple[list[Poses], list[Poses]]:
    """Refine the best poses at ever finer detail; return those of the last two stages."""
    own = true_potential_map(atoms, grid)
    before, done = found, np.inf
    for stage, count, most in STAGES:
        resolution = max(stage, finest)
        if resolution == done:
            continue
        done = resolution
        kept = [
            one.taken(apart(one, count, SAME_ANGLE_RAD, SAME_DISTANCE_ANGSTROM)) for one in found
        ]
        some = slice(None, None, -(-len(positions) // most))
        before = found
        found = _refined(maps, own, grid, kept, resolution, positions[some], atomic_numbers[some])
    return before, found


def _refined(
    maps: list[Volume],
    own: Volume,
    grid: Grid,
    candidates: list[Poses],
    resolution: float,
    positions: Numbers,
    atomic_numbers: NDArray[np.int64],
) -> list[Poses]:
    weights = atomic_numbers.astype(np.float64)
    # In its own map a model would gain the most it can: that makes the gain a correlation.
    weights /= field_of(own, own, grid, resolution).gain(positions, weights)
    found = []
    for volume, poses in zip(maps, candidates, strict=True):
        field = field_of(volume, own, grid, resolution)
        refined = [
            refine_pose(field, positions, weights, rotation, shift)
            for rotation, shift in zip(poses.rotations, poses.shifts, strict=True)
        ]
        rotations, shifts, scores = zip(*refined, strict=True)
        found.append(Poses(np.array(rotations), np.array(shifts), np.array(scores)))
    return found


def _best(poses: Poses, before: Poses, centre: Numbers) -> Pose:
    """Take the best pose, and the best of those that are another, if need be of the last stage."""
    first = int(np.argmax(poses.scores))
    rotation, shift = poses.rotations[first], poses.shifts[first]
    runner_up = 0.0
    for candidates in (poses, before):
        turned = angles_between(candidates.rotations, rotation) > SAME_ANGLE_RAD
        moved = np.linalg.norm(candidates.shifts - shift, axis=-1) > SAME_DISTANCE_ANGSTROM
        if (turned | moved).any():
            runner_up = float(candidates.scores[turned | moved].max())
            break
    return Pose(rotation, shift - rotation @ centre, float(poses.scores[first]), runner_up)
