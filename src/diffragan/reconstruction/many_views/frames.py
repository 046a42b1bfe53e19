"""One turn between the frames of two sets of orientations of the same patterns.

Patterns alone leave the molecule's frame open. They hardly tell a pattern from itself turned by
half a circle: intensities are the same at q and -q (Friedel), so that only the Ewald sphere's
curvature differs. The hand shows in no intensity: a mirrored molecule's is the first's, turned.
"""

from dataclasses import dataclass

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import corners, frequency, half_shape, read_at
from diffragan.reconstruction.many_views.orientations import angles_degrees
from diffragan.typing import Bool, Float, Tensor

HALF_TURN = torch.diag(torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))
"""About the beam."""
NEAR_DEGREES = 15.0
"""Orientations closer than this may have been found; others are at random."""
CANDIDATES = 300
REFINEMENTS = 3


@dataclass(frozen=True, slots=True)
class SharedFrame:
    """How one frame lies in another."""

    turn: Float[Tensor, "3 3"]
    """Takes a point of the second frame to the first."""
    degrees: Float[Tensor, " view"]
    """Error of each orientation, once laid on the other frame."""
    degrees_or_half_turn: Float[Tensor, " view"]
    """The same where a half turn about the beam counts as right."""


def shared_frame(found: Float[Tensor, "view 3 3"], true: Float[Tensor, "view 3 3"]) -> SharedFrame:
    """Find the turn that lays most orientations on the true ones.

    Parameters
    ----------
    found, true : Molecule to laboratory frame, of the same patterns in the same order. A found
        orientation is the true one after the turn back.

    Each pattern proposes two turns, and those within reach of the best are averaged; so
    orientations that were not found at all do not blur it.
    """
    found, true = found.double(), true.double()
    step = max(1, len(found) // CANDIDATES)
    some, theirs = found[::step].mT, true[::step]
    proposed = torch.cat([some @ theirs, some @ HALF_TURN @ theirs])
    scores = torch.stack([_closeness(found, true, turn) for turn in proposed])
    turn = proposed[int(scores.argmax())]
    for _ in range(REFINEMENTS):
        plain, half = _angles(found, true, turn)
        own = torch.where((half < plain)[:, None, None], HALF_TURN @ true, true)
        near = torch.minimum(plain, half) < NEAR_DEGREES
        turn = _mean_rotation((found.mT @ own)[near])
    plain, half = _angles(found, true, turn)
    return SharedFrame(turn, plain, torch.minimum(plain, half))


def turned_intensity(
    intensity: Float[Tensor, "z y half_x"],
    known: Bool[Tensor, "z y half_x"],
    turn: Float[Tensor, "3 3"],
    grid: Grid,
) -> tuple[Float[Tensor, "z y half_x"], Bool[Tensor, "z y half_x"]]:
    """Turn an intensity into another frame, and tell where all it is made from was known.

    Parameters
    ----------
    turn : Takes a point of the other frame to this one.
    """
    axis = grid.axis_frequencies(dtype=torch.float64)
    x = axis[: grid.pixels // 2 + 1].abs()
    z, y, x = torch.meshgrid(axis, axis, x, indexing="ij")
    points = torch.stack([x, y, z], dim=-1).reshape(-1, 3)
    # `turned` multiplies by the transpose, for it takes the laboratory into the molecule.
    at = corners(turned(points, turn.mT[None])[0], grid)
    shape = half_shape(grid)
    values = read_at(intensity, at).reshape(shape).float()
    sure = read_at(known.double(), at).reshape(shape) > 1 - 1e-6
    return values, sure & (frequency(grid) < grid.nyquist_per_angstrom)


def _angles(found: Tensor, true: Tensor, turn: Tensor) -> tuple[Tensor, Tensor]:
    """Errors of the orientations, and of the same after half a turn about the beam [degrees]."""
    there = true @ turn.mT
    return angles_degrees(found, there), angles_degrees(found, HALF_TURN @ there)


def _closeness(found: Tensor, true: Tensor, turn: Tensor) -> Tensor:
    angles = torch.minimum(*_angles(found, true, turn))
    return torch.exp(-((angles / NEAR_DEGREES) ** 2)).sum()


def _mean_rotation(rotations: Float[Tensor, "n 3 3"]) -> Float[Tensor, "3 3"]:
    """Rotation closest to all; Moakher, SIAM J. Matrix Anal. Appl. 24 (2002) 1."""
    left, _, right = torch.linalg.svd(rotations.sum(0))
    sign = torch.ones(3, dtype=rotations.dtype)
    sign[2] = torch.linalg.det(left @ right).sign()
    mean: Tensor = (left * sign) @ right
    return mean
