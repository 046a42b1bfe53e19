"""Half sets: which image is in which, and keeping the frames of their maps together."""

import numpy as np
import torch

from diffragan.grid import Grid
from diffragan.reconstruction.map_alignment import climb_map
from diffragan.reconstruction.map_table import make_table
from diffragan.reconstruction.orientations import rotation_vector, turn
from diffragan.reconstruction.refinement.state import Poses
from diffragan.typing import Float, Int, Tensor, Volume

_HALVING = 3


def random_halves(count: int, seed: int) -> Int[Tensor, " n"]:
    """Assign each image to half 0 or 1, as evenly as can be."""
    order = np.random.default_rng([seed, _HALVING]).permutation(count)
    halves = np.empty(count, np.int64)
    halves[order] = np.arange(count) % 2
    return torch.from_numpy(halves)


def frame_between(
    moving: Volume, fixed: Volume, grid: Grid, last_shell: int, turns: Float[Tensor, "turn 3 3"]
) -> tuple[Float[Tensor, "3 3"], Float[Tensor, " 3"]]:
    """Small turn and shift [Å] that lay one half map on the other, from where they are.

    A turn and a shift are all that passes between the halves: six numbers for a whole map, and two
    for one of symmetry Cn, whose axis stays: how it turns about it and moves along it.
    """
    tables = [make_table(volume.double(), last_shell) for volume in (moving, fixed)]
    still = torch.eye(3, dtype=torch.float64)[None], torch.zeros(1, 3, dtype=torch.float64)
    rotation, shift, _ = climb_map(tables[0], tables[1], *still, grid, last_shell)
    if len(turns) == 1:
        return rotation[0], shift[0]
    axis = free_axis(turns)
    return turn(axis @ rotation_vector(rotation[0])), axis @ shift[0]


def free_axis(turns: Float[Tensor, "turn 3 3"]) -> Float[Tensor, "3 3"]:
    """Projection onto the directions that all turns of a symmetry leave as they are.

    All of space for C1, the axis for Cn, nothing for Dn.
    """
    return turns.mean(0)


def change_frame(poses: Poses, rotation: Float[Tensor, "3 3"], shift: Float[Tensor, " 3"]) -> Poses:
    """Poses of the same images for a map whose point p was moved to `rotation @ p + shift`."""
    rotations = poses.rotations @ rotation.T
    moved = rotations @ shift
    return Poses(rotations, poses.shifts_angstrom - moved[:, :2])
