"""What the engine knows: poses, everything a killed run needs to go on, and the result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from diffragan.typing import Float, Int, Tensor, Volume

Row: TypeAlias = Mapping[str, float | int | str | None]
"""What one iteration did, in plain numbers."""

INITIAL, REFINE, DONE = "initial", "refine", "done"


@dataclass(frozen=True, slots=True)
class Poses:
    """How the molecule lies in each image: a point p appears at `R @ p + shift`."""

    rotations: Float[Tensor, "n 3 3"]
    """Molecule to laboratory frame."""
    shifts_angstrom: Float[Tensor, "n 2"]
    """Along x and y [Å]."""


@dataclass(frozen=True, slots=True)
class State:
    """Between two iterations: with the images and the settings it determines all that follows."""

    stage: str
    """`initial`, `refine` or `done`."""
    iteration: int
    """Iterations done in this stage."""
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, float]
    history: tuple[Row, ...] = ()
    """One row an iteration."""


@dataclass(frozen=True, slots=True)
class Refined:
    """Maps of images whose poses were unknown."""

    poses: Poses
    half_sets: Int[Tensor, " n"]
    """0 or 1: which half map an image is in; it never was in the other."""
    full: Volume
    """All images, V for images in V Å; neither filtered nor masked more than by the sphere."""
    half1: Volume
    half2: Volume
    frequency_per_angstrom: Float[Tensor, " shell"]
    fsc_half_maps: Float[Tensor, " shell"]
    resolution_fsc_0p143_angstrom: float | None
    """Where the half maps part [Å]; None when they agree to the end of the data."""
    history: tuple[Row, ...]
    state: State
