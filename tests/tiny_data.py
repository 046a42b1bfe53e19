"""Data sets of a few light atoms in a small box: everything real, and made in a blink."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from diffragan.config.experiment import Experiment
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.registry import make_phaser, recorded_settings
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure

TINY = Experiment.model_validate(
    {
        "preset": "tiny",
        "box_angstrom": 24,
        "orientations": 4,
        "numerics": {"pixels": 96, "slice_thickness_angstrom": 4},
        "wave_pixels": 40,
        "image_pixels": 48,
    }
)


def cluster(name: str, seed: int) -> PreparedStructure:
    """Thirty random atoms in a cube of 8 Å."""
    generator = torch.Generator().manual_seed(seed)
    places = 4 * torch.rand(30, 3, generator=generator, dtype=torch.float64) - 2
    numbers = torch.randint(6, 9, (30,), generator=generator)
    model = AtomicModel(2 * (places - places.mean(0)), numbers)
    return PreparedStructure(name, model, 0.4, f"{seed:064d}", {}, Path(f"{name}.pdb"))


def tiny_data(path: Path, names: Sequence[str] = ("alpha",), **changes: Any) -> TripletStore:
    """Simulate molecules of these names; `changes` are of the experiment's settings."""
    experiment = Experiment.model_validate({**TINY.model_dump(), **changes})
    molecules = [cluster(name, seed) for seed, name in enumerate(names)]
    return TripletStore(simulate_dataset(molecules, experiment, 0, path, workers=1))


def tiny_phased(
    data: TripletStore,
    path: Path,
    method: str = "low-resolution",
    items: Sequence[int] | None = None,
    **settings: Any,
) -> PhasedStore:
    """Phase items of a data set as the command does."""
    phaser = make_phaser(method, settings)
    recorded = recorded_settings(phaser, settings, None)
    return PhasedStore(
        phase_dataset(data, phaser, path, method=method, settings=recorded, items=items)
    )
