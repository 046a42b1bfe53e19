"""The other hand of a map, and the orientations that go with it.

Projections cannot tell a molecule from its mirror image: the images of the mirrored map at
mirrored orientations are the same. So a map from images alone may have either hand.
"""

import torch

from diffragan.typing import Float, Tensor, Volume

MIRROR = (1.0, 1.0, -1.0)
"""Through the plane z = 0."""


def mirror_volume(volume: Volume) -> Volume:
    """Mirror a map `(z, y, x)` through the plane of voxels z = n // 2."""
    flipped = torch.flip(volume, (0,))
    # An even box has its first plane at -n // 2 and none at n // 2: in its period they are one.
    return flipped.roll(1, 0) if len(volume) % 2 == 0 else flipped


def mirrored_rotations(rotations: Float[Tensor, "views 3 3"]) -> Float[Tensor, "views 3 3"]:
    """Orientations at which the mirrored map has the same images: M R M, with M the mirror.

    Parameters
    ----------
    rotations : `(views, 3, 3)`, molecule to laboratory frame. Shifts in the image stay as they are.
    """
    mirror = torch.tensor(MIRROR, dtype=rotations.dtype, device=rotations.device)
    return mirror[:, None] * rotations * mirror
