"""The other hand: projections cannot tell a molecule from its mirror image."""

from dataclasses import replace

import torch

from diffragan.reconstruction.map_alignment import mirror_map
from diffragan.reconstruction.refinement.state import Poses, Refined


def flip_hand(refined: Refined) -> Refined:
    """Turn the maps into their mirror image (z turned round), and the poses with them.

    Every image is explained as well as before: with M = diag(1, 1, -1), the mirrored molecule
    projects to the same image in the orientation M R M. The engine's state keeps the old hand.
    """
    mirror = torch.diag(refined.poses.rotations.new_tensor([1.0, 1.0, -1.0]))
    return replace(
        refined,
        poses=Poses(mirror @ refined.poses.rotations @ mirror, refined.poses.shifts_angstrom),
        full=mirror_map(refined.full),
        half1=mirror_map(refined.half1),
        half2=mirror_map(refined.half2),
    )
