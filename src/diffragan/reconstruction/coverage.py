"""How much of a map's Fourier space its views reach."""

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.typing import Float, Tensor

SAME_VIEW_DEGREES = 3.0
"""Views whose directions lie all within this angle of one another are one view."""
POINTS = 2000
"""Directions on the sphere at which the coverage is counted."""
BATCH = 1024


def coverage(
    rotations: Float[Tensor, "n 3 3"],
    shell: float,
    turns: Float[Tensor, "turn 3 3"] | None = None,
) -> float:
    """Share of a Fourier shell through which some view's slice passes.

    Parameters
    ----------
    rotations : `(n, 3, 3)`, molecule to laboratory frame.
    shell : Radius [Fourier samples]; a sample is reached by a slice closer than half of one.
    turns : `(turn, 3, 3)` symmetry of the molecule.

    Source: Bracewell, Aust. J. Phys. 9 (1956) 198 (the slice); Gonzalez, Math. Geosci. 42 (2010) 49
    (the points on the sphere).
    """
    beams = view_directions(rotations, turns)
    points = _fibonacci_sphere(POINTS)
    reached = torch.zeros(POINTS, dtype=torch.bool)
    for start in range(0, len(beams), BATCH):
        heights = (points @ beams[start : start + BATCH].T).abs()
        reached |= (heights * shell < 0.5).any(1)
    return float(reached.double().mean())


def view_directions(
    rotations: Float[Tensor, "n 3 3"], turns: Float[Tensor, "turn 3 3"] | None = None
) -> Float[Tensor, "direction 3"]:
    """Directions of the beam in the molecule's frame, `(n * turn, 3)`."""
    turned = rotations.double()
    if turns is not None:
        turned = (turned[:, None] @ turns.double()).flatten(0, 1)
    return turned[:, 2]


def check_views_differ(
    rotations: Float[Tensor, "n 3 3"],
    grid: Grid,
    name: str,
    turns: Float[Tensor, "turn 3 3"] | None = None,
) -> None:
    """Make sure that the views do not all show the molecule from one side.

    Raises
    ------
    InputError : They do, or from its back; says how much of Fourier space they reach.
    """
    beams = view_directions(rotations, turns)
    axis = torch.linalg.eigh(beams.T @ beams).eigenvectors[:, -1]
    spread = torch.rad2deg(torch.arccos((beams @ axis).abs().clamp(max=1))).max()
    if float(spread) < SAME_VIEW_DEGREES:
        shell = grid.pixels / 4
        share = coverage(rotations, shell, turns)
        raise InputError(
            f"{name}: all {len(rotations)} images show the molecule from the same side (within "
            f"{float(spread):.1f} degrees), so the map is undetermined: they reach {share:.0%} of "
            f"its Fourier space at {4 * grid.pixel_angstrom:.1f} Å; add views from other directions"
        )


def _fibonacci_sphere(count: int) -> Float[Tensor, "point 3"]:
    height = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - 5**0.5) * np.arange(count)
    radius = np.sqrt(1 - height**2)
    places = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=1)
    return torch.from_numpy(places)
