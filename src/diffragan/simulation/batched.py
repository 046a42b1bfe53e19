"""Triplets of many poses of one molecule, whose waves are computed together: what suits a GPU."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.grid import Grid
from diffragan.physics.camera import DetectorMaps
from diffragan.simulation.plan import Plan, Scene
from diffragan.simulation.triplet import (
    ENGINES,
    Engine,
    Triplet,
    expose,
    layout,
    set_up,
    torch_wave,
)
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Waves

PIXELS_TOGETHER = 2**24
"""Pixels of all waves that are computed together: some 2 GB of a GPU's memory."""
MOST_POSES = 64
"""More waves at once gain nothing: the matrices and transforms already fill a GPU."""


def poses_together(experiment: Experiment, device: str, engine: str = "torch") -> int:
    """Return how many waves of one molecule to compute at once; 1 is one after the other.

    The number follows from the settings alone and not from the machine, because the last bits of a
    wave may depend on it. On the CPU single waves stay in the cache, and that is faster; in ice no
    two specimens have the same atoms.
    """
    if device == "cpu" or engine != "torch":
        return 1
    if experiment.specimen.ice_thickness_angstrom is not None:
        return 1
    return max(1, min(MOST_POSES, PIXELS_TOGETHER // experiment.simulation_grid.pixels**2))


def simulate_scenes(
    plan: Plan, scenes: Sequence[Scene], experiments: Sequence[Experiment], together: int
) -> list[Triplet]:
    """Simulate a triplet of every scene; those of one structure share the computation of waves.

    Parameters
    ----------
    plan : Structures, engine and device.
    scenes : Molecules that stand in the beam.
    experiments : Of each scene; see `simulate_triplets`.
    together : How many waves to compute at once, from `poses_together`.
    """
    maps = layout(plan.experiment, plan.seed).to(plan.device)
    made: dict[int, Triplet] = {}
    for structure in sorted({scene.structure for scene in scenes}):
        places = [n for n, scene in enumerate(scenes) if scene.structure == structure]
        triplets = simulate_triplets(
            [scenes[n].model.to(plan.device) for n in places],
            [experiments[n] for n in places],
            [scenes[n].generator for n in places],
            together=together,
            engine=ENGINES[plan.engine],
            grid=plan.grid(structure),
            maps=maps,
        )
        made.update(zip(places, triplets, strict=True))
    return [made[n] for n in range(len(scenes))]


@torch.no_grad()
def simulate_triplets(
    models: Sequence[AtomicModel],
    experiments: Sequence[Experiment],
    generators: Sequence[np.random.Generator],
    *,
    together: int,
    engine: Engine = torch_wave,
    grid: Grid | None = None,
    maps: DetectorMaps | None = None,
) -> list[Triplet]:
    """Simulate a triplet of each pose of one molecule, as `simulate_triplet` does one by one.

    Parameters
    ----------
    models : The poses, already standing in the beam; one molecule's, unless `together` is 1.
    experiments : Of each pose; they may differ in what happens behind the mid-plane.
    generators : Of each pose.
    together : How many waves to compute at once; with 1 the bits are those of `simulate_triplet`.
    engine, grid, maps : See `simulate_triplet`.
    """
    specimens = [
        set_up(model, experiment, generator)
        for model, experiment, generator in zip(models, experiments, generators, strict=True)
    ]
    first = experiments[0]
    waves = _waves(
        (atoms for specimen in specimens for atoms in specimen.configurations),
        first,
        grid or first.simulation_grid,
        engine,
        together,
    )
    return [
        expose(
            islice(waves, len(specimen.configurations)), specimen.lost, experiment, generator, maps
        )
        for specimen, experiment, generator in zip(specimens, experiments, generators, strict=True)
    ]


def _waves(
    poses: Iterator[AtomicModel],
    experiment: Experiment,
    grid: Grid,
    engine: Engine,
    together: int,
) -> Iterator[Waves]:
    """Yield the mid-plane wave of every pose in turn, computed some at a time."""
    while some := list(islice(poses, together)):
        if len(some) == 1:
            yield engine(some[0], grid, experiment)
        else:
            stacked = torch.stack([pose.positions for pose in some])
            batch = AtomicModel(stacked, some[0].atomic_numbers, some[0].b_factors)
            yield from engine(batch, grid, experiment)
