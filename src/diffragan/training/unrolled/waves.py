"""True waves to observe: those of a data set, kept in memory, molecules of like size together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffragan.config.unrolled import UnrolledSettings
from diffragan.errors import InputError
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore
from diffragan.progress import progress_bar
from diffragan.typing import Float, Int, Tensor, Waves

NEIGHBOURS = 12
"""Molecules next in size from which the others of a batch are drawn: they get one box."""
READ = 64
"""Waves read at a time."""
FINEST_SHARE = 1.02
"""Rounding of a grid may leave its pixels a little larger than the network's."""


@dataclass(frozen=True, slots=True)
class WavePool:
    """Scattered waves at the network's sampling, origin at pixel n // 2."""

    waves: Waves
    grid: Grid
    structure: Int[Tensor, " wave"]
    """Molecule of each wave."""
    dimension_angstrom: Float[Tensor, " molecule"]
    """Largest dimension of each molecule [Å]."""
    members: tuple[tuple[int, ...], ...]
    """Waves of each molecule."""
    by_size: tuple[int, ...]
    """Molecules that have waves, smallest first."""

    def draw(self, count: int, random: np.random.Generator) -> list[int]:
        """Draw waves of molecules of like size, each molecule as often as any other."""
        place = int(random.integers(len(self.by_size)))
        first = min(max(0, place - NEIGHBOURS // 2), max(0, len(self.by_size) - NEIGHBOURS))
        near = self.by_size[first : first + NEIGHBOURS]
        others = (near[int(random.integers(len(near)))] for _ in range(count - 1))
        chosen = [self.by_size[place], *others]
        return [self.members[m][int(random.integers(len(self.members[m])))] for m in chosen]

    def largest_dimension(self, items: Sequence[int]) -> float:
        """Largest dimension of the molecules of some waves [Å]."""
        return float(self.dimension_angstrom[self.structure[list(items)]].max())


def read_pool(
    store: TripletStore, settings: UnrolledSettings, items: Sequence[int] | None = None
) -> WavePool:
    """Read the waves of a data set onto the network's sampling.

    Raises
    ------
    InputError : There is none, one is zero everywhere, or they are sampled too coarsely.
    """
    chosen = list(range(len(store))) if items is None else list(items)
    if not chosen:
        raise InputError(f"{store.store.path}: holds no view to learn from")
    box = store.experiment.box_angstrom
    pixels = 2 * round(box / (2 * settings.pixel_angstrom))
    grid = Grid(pixels, box)
    if store.experiment.wave_grid.pixel_angstrom > FINEST_SHARE * grid.pixel_angstrom:
        raise InputError(
            f"{store.store.path}: its waves have pixels of "
            f"{store.experiment.wave_grid.pixel_angstrom:.3g} Å, coarser than the network's "
            f"{settings.pixel_angstrom:g} Å; simulate with more wave_pixels"
        )
    waves = torch.empty(len(chosen), pixels, pixels, dtype=torch.complex64)
    with progress_bar(len(chosen), "reading waves") as bar:
        for start in range(0, len(chosen), READ):
            part = chosen[start : start + READ]
            read = torch.from_numpy(store.read("exit_wave", part))
            _check_waves(read, part, store.store.path)
            waves[start : start + len(part)] = resample(read, pixels)
            bar.advance(len(part))
    structure = torch.from_numpy(store.read("structure", chosen)).long()
    members = tuple(
        tuple(torch.nonzero(structure == index).flatten().tolist())
        for index in range(len(store.structures()))
    )
    dimension = torch.tensor([_dimension(entry.positions) for entry in store.structures()])
    order = [m for m in torch.argsort(dimension, stable=True).tolist() if members[m]]
    return WavePool(waves, grid, structure, dimension, members, tuple(order))


def _check_waves(waves: Waves, items: Sequence[int], where: Path) -> None:
    for item, wave in zip(items, waves, strict=True):
        if not wave.any():
            raise InputError(f"{where}: the wave of item {item} is zero everywhere; simulate again")


def _dimension(positions: np.ndarray) -> float:
    """Twice the largest distance of an atom from the middle of the molecule's box [Å]."""
    middle = (positions.max(0) + positions.min(0)) / 2
    return 2 * float(np.linalg.norm(positions - middle, axis=1).max())
