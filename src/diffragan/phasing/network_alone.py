"""The unrolled network alone: its wave and envelope on the grid of the observations."""

from dataclasses import dataclass

import torch

from diffragan.fourier import centred, decentred, resample
from diffragan.models.unrolled import NetworkView, UnrolledNetwork
from diffragan.phasing.fitness import (
    check_direct_beam,
    check_fit,
    check_trained_for,
    check_values,
)
from diffragan.phasing.network_view import network_view
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.phasing.rows import by_rows
from diffragan.phasing.weights import UnrolledWeights, make_network, packaged_weights, read_unrolled
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.symmetries import SYMMETRIES
from diffragan.typing import Float, Tensor, Waves

PHASE_OBJECT_ANGSTROM = 2.0
"""Coarser than this a molecule is a phase object [Å]: images near focus show little else of a wave
than the small real part that follows from it."""


@dataclass(frozen=True, slots=True)
class NetworkGuess:
    """What the network says of some items, on the experiment's wave grid, origin at [0, 0]."""

    waves: Waves
    probability: Float[Tensor, "item y x"]
    """That the molecule is there."""
    notes: tuple[str, ...] = ()
    """What is odd about the observations."""


class NetworkPhaser:
    """The unrolled network alone, as a phaser."""

    def __init__(self, weights: UnrolledWeights | None = None, device: str = "cpu") -> None:
        """Load a network; the packaged one when left out.

        Raises
        ------
        InputError : The weights cannot be used.
        """
        self.weights = weights or read_unrolled(packaged_weights())
        self._device = torch.device(device)
        self._network = make_network(self.weights).to(self._device)

    def guess(self, observations: Observations, looks: int = 1) -> NetworkGuess:
        """Return the network's wave and envelope of each item.

        Parameters
        ----------
        looks : Ways, of `SYMMETRIES`, in which each item is laid before the network; the mean of
            its answers is given, and takes as many times as long.

        Raises
        ------
        InputError : The observations are too far from what the network was trained for, or hold
            values that are none.
        """
        experiment = observations.experiment
        notes = (
            *check_trained_for(experiment, self.weights.settings),
            *check_values(observations),
            *check_direct_beam(observations),
            *check_fit(observations),
        )
        pixel = self.weights.settings.network.pixel_angstrom
        waves, odds = by_rows(
            lambda rows: mean_of_looks(
                self._network, network_view(observations.rows(rows), pixel).to(self._device), looks
            ),
            range(len(observations)),
            self._device,
        )
        pixels = experiment.wave_pixels
        fine = decentred(resample(centred(waves), pixels))
        probability = decentred(resample(centred(torch.sigmoid(odds)), pixels).real)
        home = observations.diffraction.device
        return NetworkGuess(fine.to(home), probability.clamp(0, 1).to(home), notes)

    def phase(self, observations: Observations) -> PhasedWaves:
        """Return the network's wave of each item, with the amplitude of a phase object."""
        guess = self.guess(observations)
        waves = with_phase_object_amplitude(
            centred(guess.waves),
            observations.experiment.wave_grid,
            PHASE_OBJECT_ANGSTROM,
        )
        unknown = torch.full((len(observations),), torch.nan, device=waves.device)
        images = high_resolution_images(waves, observations.experiment)
        return PhasedWaves(waves, images, unknown, notes=guess.notes)


def mean_of_looks(network: UnrolledNetwork, view: NetworkView, looks: int) -> tuple[Tensor, Tensor]:
    """Mean wave and log-odds of the envelope over the first `looks` of `SYMMETRIES`.

    Over all of them it does not depend on how a view lies, to the last digits.
    """
    waves, odds = [], []
    with torch.inference_mode():
        for symmetry in SYMMETRIES[:looks]:
            last = network(view.laid(symmetry))[-1]
            waves.append(symmetry.back(last.waves))
            odds.append(symmetry.back(last.envelope))
    return torch.stack(waves).mean(0), torch.stack(odds).mean(0)
