"""What a data set consists of: which molecule stands how in every item."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.grid import Grid
from diffragan.simulation.conformations import bent, draw_conformation
from diffragan.simulation.orientations import (
    Pose,
    item_generator,
    largest_extent,
    posed,
    random_pose,
)
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.normal_modes import NormalModes, normal_modes
from diffragan.structures.prepared import PreparedStructure

BENDING_SIGMAS = 4.0
"""By how many amplitudes of its normal modes a molecule may be longer than at rest."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The molecule of one item, standing in the beam."""

    structure: int
    """Which of the data set's structures it is."""
    number: int
    """Which of that structure's orientations, or of all where structures are conformations."""
    pose: Pose
    model: AtomicModel
    """Its atoms, bent, turned and shifted."""
    generator: np.random.Generator
    """Source of everything else that is random about the item."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a worker needs to make any item."""

    experiment: Experiment
    structures: tuple[PreparedStructure, ...]
    seed: int
    engine: str
    device: str
    rotated_folder: Path | None
    extents_angstrom: tuple[float, ...]
    """Largest extent of each structure in any orientation [Å]."""
    modes: tuple[NormalModes, ...]
    """Normal modes of each structure, where they move."""

    def __len__(self) -> int:
        """Return the number of items."""
        molecules = 1 if self._populations else len(self.structures)
        return molecules * self.experiment.orientations

    def scene(self, item: int) -> Scene:
        """Set up one item; depends on the seed, its molecule and its number alone."""
        index, number = divmod(item, self.experiment.orientations)
        generator = item_generator(self.seed, self.structures[index].sha256, number)
        if self._populations:
            index = draw_conformation(self._populations, generator)
        return self.stand(index, number, generator)

    def stand(self, index: int, number: int, generator: np.random.Generator) -> Scene:
        """Bend, turn and shift a structure at random, as the experiment's specimens do."""
        specimen = self.experiment.specimen
        model = self.structures[index].model
        amplitude = specimen.conformations.mode_amplitude_angstrom
        if amplitude:
            model = bent(model, self.modes[index], amplitude, generator)
        pose = random_pose(model, generator, specimen.orientations)
        return Scene(index, number, pose, posed(model, pose), generator)

    def items_of(self, structure: int) -> range:
        """Items that may show a structure."""
        if self._populations:
            return range(len(self))
        count = self.experiment.orientations
        return range(structure * count, (structure + 1) * count)

    def grid(self, structure: int) -> Grid:
        """Grid of the part of the box that is computed for a molecule."""
        return self.experiment.grid_for(self.extents_angstrom[structure])

    @property
    def _populations(self) -> tuple[float, ...] | None:
        return self.experiment.specimen.conformations.populations


def make_plan(
    experiment: Experiment,
    structures: Sequence[PreparedStructure],
    seed: int,
    engine: str,
    device: str,
    rotated_folder: Path | None,
) -> Plan:
    """Plan a data set; what all items share is computed here, once.

    Raises
    ------
    InputError : A molecule has not the normal modes that should move.
    """
    conformations = experiment.specimen.conformations
    bending = BENDING_SIGMAS * conformations.mode_amplitude_angstrom
    return Plan(
        experiment,
        tuple(structures),
        seed,
        engine,
        device,
        rotated_folder,
        extents_angstrom=tuple(largest_extent(s.model) + bending for s in structures),
        modes=tuple(
            normal_modes(s.model, np.array(s.alpha_carbons), conformations.mode_count, s.name)
            for s in structures
            if bending
        ),
    )
