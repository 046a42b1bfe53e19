"""Atoms thrown at random into a box, and how two waves of them differ."""

import numpy as np
import torch

from diffragan.structures.atomic_model import AtomicModel


def molecule(seed: int, atoms: int = 60, size: float = 16.0) -> AtomicModel:
    """Atoms of a protein's elements, uniform in a cube of `size` [Å]."""
    rng = np.random.default_rng(seed)
    positions = torch.from_numpy(rng.uniform(-size / 2, size / 2, (atoms, 3))).float()
    return AtomicModel(positions, torch.from_numpy(rng.choice([1, 6, 7, 8, 16], atoms)))


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Relative L2 difference."""
    return float(torch.linalg.norm(found - expected) / torch.linalg.norm(expected))
