import torch

from diffragan.fourier import fourier, inverse_fourier
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images

PERTURBED_FROM_ANGSTROM = 2.0
PERTURBED = "perturbed <b>truth</b>"


class PerturbedTruth:
    """The true waves with random phases beyond 2 Å: what an external program might hand in."""

    def __init__(self, data: TripletStore) -> None:
        self._data = data
        self._next = 0

    def phase(self, observations: Observations) -> PhasedWaves:
        items = range(self._next, self._next + len(observations))
        self._next += len(observations)
        waves = perturbed(torch.from_numpy(self._data.read("exit_wave", items)), self._data)
        images = high_resolution_images(waves, self._data.experiment)
        return PhasedWaves(waves, images, torch.zeros(len(waves)))


def perturbed(true: torch.Tensor, data: TripletStore) -> torch.Tensor:
    frequency = data.experiment.wave_grid.squared_frequencies().sqrt()
    generator = torch.Generator().manual_seed(0)
    turns = torch.rand(true.shape, generator=generator) * (frequency > 1 / PERTURBED_FROM_ANGSTROM)
    return inverse_fourier(
        fourier(true) * torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
    )
