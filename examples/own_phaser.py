"""A phaser of one's own, judged beside the package's: anything with a `phase` method will do.

This one takes the low-resolution image's phases and the measured moduli and iterates no further.
It prints the mean correlation with the true waves between 10 and 3 Å.
"""

from pathlib import Path
from tempfile import mkdtemp

import torch

from diffragan.config.load import load_experiment
from diffragan.fourier import centred, fourier
from diffragan.io.triplets import TripletStore
from diffragan.phasing.projections import measured_moduli, project_modulus
from diffragan.phasing.protocol import (
    Observations,
    PhasedWaves,
    Phaser,
    high_resolution_images,
    read_observations,
)
from diffragan.phasing.registry import make_phaser
from diffragan.phasing.restraint import image_phases, starting_wave
from diffragan.rings import ring_correlation, ring_index
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared

VIEWS = range(4)


class ImagePhasesOnly:
    """Measured moduli with the phases of the low-resolution image."""

    def phase(self, observations: Observations) -> PhasedWaves:
        """Join the two and stop."""
        moduli = measured_moduli(observations)
        start = starting_wave(image_phases(observations, moduli), moduli)
        waves = centred(project_modulus(start, moduli))
        unknown = torch.full((len(observations),), torch.nan)
        return PhasedWaves(waves, high_resolution_images(waves, observations.experiment), unknown)


folder = Path(mkdtemp())
molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
experiment = load_experiment("quick", overrides={"orientations": len(VIEWS)})
data = TripletStore(
    simulate_dataset([molecule], experiment, seed=0, out=folder / "views.zarr", workers=1)
)
observations = read_observations(data, VIEWS)
truth = fourier(torch.from_numpy(data.read("exit_wave", VIEWS)))
rings = ring_index(tuple(truth.shape[-2:]))
finest, coarsest = int(experiment.box_angstrom / 3), int(experiment.box_angstrom / 10)

phasers: dict[str, Phaser] = {
    "low-resolution": make_phaser("low-resolution"),
    "image phases only": ImagePhasesOnly(),
    "hio": make_phaser("hio", {"iterations": 400}),
}
for name, phaser in phasers.items():
    found = fourier(phaser.phase(observations).waves)
    curve = ring_correlation(found, truth, rings, finest + 1).mean(0)
    print(f"{name:<18} mean FRC, 10 to 3 Å: {float(curve[coarsest:].mean()):.2f}")
