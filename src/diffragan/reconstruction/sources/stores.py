"""Particles of the Zarr stores: phased waves, and the true waves of simulated data."""

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.star import ParticleOptics
from diffragan.io.star_tables import Values
from diffragan.io.triplets import StructureEntry
from diffragan.phasing.particles import FIGURE_OF_MERIT, PREDICTED_RESOLUTION
from diffragan.physics.forward import projected_potential_of
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import ParticleSet, known_poses
from diffragan.rotations import matrix_from_quaternion
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Images

NO_AMPLITUDE_CONTRAST = 0.0
WAVES: dict[str, Literal["wave", "exit_wave"]] = {"phased": "wave", "triplets": "exit_wave"}
"""Array that holds the waves, by kind of store; observations have none, only images."""


def particles_of_store(
    store: PhasedStore | ObservationStore, molecules: Sequence[StructureEntry] | None
) -> list[ParticleSet]:
    """Sort the views of a store by molecule; one set for each that has views.

    The images are the projected potentials the waves speak of, as pure phase objects. Phased
    waves give the images to judge; a data set's exit waves give the best that any phasing can.

    Parameters
    ----------
    store : Phased waves, or a data set.
    molecules : The true molecules, if known.

    Raises
    ------
    InputError : No molecule has a view.
    """
    owner = store.read("structure")
    names = [str(entry["name"]) for entry in store.store.attributes["structures"]]
    present = [index for index in range(len(names)) if (owner == index).any()]
    if not present:
        raise InputError(f"{store.store.path}: holds no views; make it again")
    return [
        _of_molecule(
            store,
            [int(item) for item in np.flatnonzero(owner == index)],
            names[index],
            None if molecules is None else molecules[index],
        )
        for index in present
    ]


def _of_molecule(
    store: PhasedStore | ObservationStore,
    items: list[int],
    name: str,
    molecule: StructureEntry | None,
) -> ParticleSet:
    experiment, grid = store.experiment, store.experiment.wave_grid

    def read(numbers: Sequence[int]) -> Images:
        wave = WAVES[store.store.kind]
        waves = torch.from_numpy(store.read(wave, [items[number] for number in numbers]))
        return projected_potential_of(waves, experiment.electron)

    identity = store.store.attributes["identity"]
    return ParticleSet(
        name,
        len(items),
        grid,
        read,
        _optics(experiment),
        {store.store.path.name: str(identity)},
        poses=_poses(store, items),
        phased=isinstance(store, PhasedStore),
        band_limit_per_angstrom=min(
            experiment.corner_limit_per_angstrom, grid.nyquist_per_angstrom
        ),
        model=None if molecule is None else _model(molecule),
        model_sha256=None if molecule is None else molecule.sha256,
        columns=dict(_predicted(store, items)),
    )


def _poses(store: PhasedStore | ObservationStore, items: list[int]) -> Poses | None:
    if not store.knows_poses:
        return None
    return known_poses(
        matrix_from_quaternion(store.read("orientation", items)), store.read("shift", items)
    )


def _predicted(
    store: PhasedStore | ObservationStore, items: list[int]
) -> Iterator[tuple[str, Values]]:
    if isinstance(store, PhasedStore) and store.predicts:
        yield FIGURE_OF_MERIT, store.read("predicted_score", items)
        yield PREDICTED_RESOLUTION, store.read("predicted_resolution", items)


def _optics(experiment: Experiment) -> ParticleOptics:
    return ParticleOptics(
        energy_kev=experiment.energy_kev,
        spherical_aberration_mm=experiment.high_resolution.spherical_aberration_mm,
        amplitude_contrast=NO_AMPLITUDE_CONTRAST,
        pixel_angstrom=experiment.wave_grid.pixel_angstrom,
        image_pixels=experiment.wave_grid.pixels,
    )


def _model(molecule: StructureEntry) -> AtomicModel:
    return AtomicModel(
        torch.from_numpy(molecule.positions), torch.from_numpy(molecule.atomic_numbers)
    )
