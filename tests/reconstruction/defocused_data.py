"""Defocused images of a made-up molecule, made in a blink, at a dose at which few will do."""

from pathlib import Path

import torch

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.io.triplets import TripletStore
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.prepared import PreparedStructure

VIEWS = 120
BOX = 56.0
RADIUS = 13.0
ATOMS = 300
CARBON = 6


def experiment(defocus_angstrom: float = 1000.0, views: int = VIEWS) -> Experiment:
    return load_experiment(
        "paper",
        overrides={
            "box_angstrom": BOX,
            "orientations": views,
            "diffraction": {"max_angle_mrad": 6},
            "low_resolution": {"defocus_angstrom": defocus_angstrom, "dose_e_per_a2": 3000},
            "wave_pixels": 48,
            "image_pixels": 64,
            "numerics": {"accuracy": 0.1},
        },
    )


def molecule() -> PreparedStructure:
    """Atoms in balls of different sizes: a shape that no turn and no mirror brings onto itself."""
    generator = torch.Generator().manual_seed(3)
    # Not in one plane: such a molecule would be its own mirror image, and each view have two poses.
    centres = torch.tensor(
        [[8.0, 0, 0], [-6, 5, 1], [0, -7, 3], [2, 3, -8], [-4, -4, -4]], dtype=torch.float64
    )
    radii = torch.tensor([4.5, 4.0, 3.5, 4.5, 3.0], dtype=torch.float64)
    which = torch.randint(5, (ATOMS,), generator=generator)
    points = torch.randn(ATOMS, 3, generator=generator, dtype=torch.float64)
    depth = torch.rand(ATOMS, 1, generator=generator, dtype=torch.float64) ** (1 / 3)
    points = centres[which] + radii[which, None] * depth * points / points.norm(dim=1)[:, None]
    model = AtomicModel(points - points.mean(0), torch.full((ATOMS,), CARBON))
    return PreparedStructure("balls", model, 4.0, "0" * 64, {}, Path("balls.pdb"))


def defocused_data(
    path: Path, defocus_angstrom: float = 1000.0, views: int = VIEWS
) -> TripletStore:
    settings = experiment(defocus_angstrom, views)
    return TripletStore(simulate_dataset([molecule()], settings, 0, path, workers=1))
