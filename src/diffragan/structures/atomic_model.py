"""Atoms as the physics sees them: where they are and which element."""

from dataclasses import dataclass

import torch

from diffragan.typing import Float, Int, Tensor


@dataclass(frozen=True, slots=True)
class AtomicModel:
    """Atoms of one molecule, centred on its centre of mass."""

    positions: Float[Tensor, "atoms 3"]
    """Coordinates x, y, z [Å]."""
    atomic_numbers: Int[Tensor, " atoms"]

    def rotated(self, matrix: Float[Tensor, "3 3"]) -> "AtomicModel":
        """Turn the molecule: each position p becomes `matrix @ p`."""
        return AtomicModel(self.positions @ matrix.to(self.positions).T, self.atomic_numbers)

    def shifted(self, shift: Float[Tensor, " 3"]) -> "AtomicModel":
        """Move the molecule by `shift` x, y, z [Å]."""
        return AtomicModel(self.positions + shift.to(self.positions), self.atomic_numbers)

    def extent(self) -> Float[Tensor, " 3"]:
        """Size of the bounding box along x, y, z [Å]."""
        return self.positions.amax(0) - self.positions.amin(0)

    def to(self, device: torch.device | str) -> "AtomicModel":
        """Move the atoms to a device."""
        return AtomicModel(self.positions.to(device), self.atomic_numbers.to(device))
