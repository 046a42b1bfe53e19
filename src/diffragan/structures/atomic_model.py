"""Atoms as the physics sees them: where they are, which element, and how much they move."""

from dataclasses import dataclass, replace

import torch

from diffragan.typing import Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class AtomicModel:
    """Atoms of one molecule, or of one molecule in several poses or conformations."""

    positions: Float[Tensor, "*batch atoms 3"]
    """Coordinates x, y, z [Å]."""
    atomic_numbers: Int[Tensor, " atoms"]
    b_factors: Float[Tensor, " atoms"] | None = None
    """Isotropic displacement parameter B = 8 pi^2 <u_x^2> of each atom [Å2]; atoms without one are
    at rest."""

    def rotated(self, matrix: Float[Tensor, "3 3"]) -> "AtomicModel":
        """Turn the molecule: each position p becomes `matrix @ p`."""
        return replace(self, positions=self.positions @ matrix.to(self.positions).T)

    def shifted(self, shift: Float[Tensor, " 3"]) -> "AtomicModel":
        """Move the molecule by `shift` x, y, z [Å]."""
        return replace(self, positions=self.positions + shift.to(self.positions))

    def extent(self) -> Float[Tensor, "*batch 3"]:
        """Size of the bounding box along x, y, z [Å]."""
        return self.positions.amax(-2) - self.positions.amin(-2)

    def to(self, device: torch.device | str) -> "AtomicModel":
        """Move the atoms to a device."""
        return AtomicModel(
            self.positions.to(device),
            self.atomic_numbers.to(device),
            None if self.b_factors is None else self.b_factors.to(device),
        )
