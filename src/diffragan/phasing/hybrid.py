"""The hybrid phaser: a network finds envelope and first phases, iterations finish them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.errors import ConfigError, nearest
from diffragan.fourier import centred, decentred, resample
from diffragan.grid import Grid
from diffragan.models.unrolled import NetworkView, UnrolledNetwork
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.network_view import network_view
from diffragan.phasing.projections import MeasuredModuli, measured_moduli
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.phasing.restarts import Consensus, consensus, random_starts
from diffragan.phasing.restraint import image_phases, restraint
from diffragan.phasing.rows import by_rows
from diffragan.phasing.support import grown, molecule_envelope
from diffragan.phasing.weights import UnrolledWeights, make_network, packaged_weights, read_unrolled
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.typing import Bool, Float, Tensor, Waves

Effort = Literal["quick", "normal", "best"]


class HybridSettings(Settings):
    """How often to start, how long to iterate, and how to draw the support."""

    effort: Effort = "normal"
    restarts: int | None = Field(None, ge=1, le=64)
    """Starts of each item, with other random phases where the network knows none; by the effort
    when left out."""
    iterations: int | None = Field(None, ge=1)
    """Iterations of each start; by the effort when left out."""
    algorithm: str = "hio"
    beta: float = Field(0.9, gt=0, le=1)
    restraint: float = Field(0.3, ge=0, le=1)
    """Pull of the image's phases on the iterate's."""
    likely: float = Field(0.5, gt=0, lt=1)
    """Probability of the envelope from which the first support is drawn."""
    possible: float = Field(0.05, gt=0, lt=1)
    """Probability of the envelope within which every later support stays."""
    border_angstrom: float = Field(2.0, ge=0)
    """How far the possible envelope is grown [Å]."""
    margin_angstrom: float = Field(1.0, ge=0)
    """How far the last support reaches beyond what the wave shows [Å]."""
    cycle: int = Field(50, ge=1)
    error_reduction_steps: int = Field(10, ge=0)
    settled_fraction: float = Field(0.6, ge=0, lt=1)
    phase_object_angstrom: float = Field(2.0, gt=0)
    seed: int = Field(0, ge=0)
    """Of the random phases."""

    @property
    def plan(self) -> tuple[int, int]:
        """Restarts and iterations."""
        restarts, iterations = EFFORTS[self.effort]
        return self.restarts or restarts, self.iterations or iterations


EFFORTS: dict[Effort, tuple[int, int]] = {
    "quick": (1, 600),
    "normal": (4, 1000),
    "best": (12, 2000),
}
"""Restarts and iterations of each."""


@dataclass(frozen=True, slots=True)
class NetworkGuess:
    """What the network says of some items, on the experiment's wave grid, origin at [0, 0]."""

    waves: Waves
    probability: Float[Tensor, "item y x"]
    """That the molecule is there."""


@dataclass(frozen=True, slots=True)
class LevelRefinement:
    """Draws the support where the wave so far shows a molecule, within what the network allows."""

    possible: Bool[Tensor, "item y x"]
    grid: Grid
    margin_angstrom: float

    def __call__(self, wave: Waves, progress: float) -> Bool[Tensor, "item y x"]:
        """Return the support at a `progress` from 0 to 1, when it is the last one."""
        found = molecule_envelope(wave, self.grid)
        if progress >= 1:
            found = grown(found, self.margin_angstrom, self.grid)
        return found & self.possible


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

    def guess(self, observations: Observations) -> NetworkGuess:
        """Return the network's wave and envelope of each item."""
        experiment = observations.experiment
        view = network_view(observations, self.weights.settings.network.pixel_angstrom)
        waves, odds = by_rows(
            lambda rows: _told(self._network, view, rows, self._device),
            len(observations),
            self._device,
        )
        pixels = experiment.wave_pixels
        fine = decentred(resample(centred(waves), pixels))
        probability = decentred(resample(centred(torch.sigmoid(odds)), pixels).real)
        home = observations.diffraction.device
        return NetworkGuess(fine.to(home), probability.clamp(0, 1).to(home))

    def phase(self, observations: Observations) -> PhasedWaves:
        """Return the network's wave of each item, as it is."""
        waves = centred(self.guess(observations).waves)
        unknown = torch.full((len(observations),), torch.nan, device=waves.device)
        return PhasedWaves(waves, high_resolution_images(waves, observations.experiment), unknown)


def _told(
    network: UnrolledNetwork, view: NetworkView, rows: Sequence[int], device: torch.device
) -> tuple[Tensor, ...]:
    with torch.inference_mode():
        last = network(view.rows(rows[0], rows[-1] + 1).to(device))[-1]
    return last.waves.clone(), last.envelope.clone()


class HybridPhaser:
    """Phases patterns by iterations that begin where the network ends."""

    def __init__(
        self,
        settings: HybridSettings | None = None,
        weights: UnrolledWeights | None = None,
        device: str = "cpu",
    ) -> None:
        """Load the network and check the settings.

        Raises
        ------
        ConfigError : The algorithm is not one of er, hio and raar.
        InputError : The weights cannot be used.
        """
        self.settings = settings or HybridSettings()
        if self.settings.algorithm not in STEPS:
            raise ConfigError(
                f"there is no algorithm '{self.settings.algorithm}'; "
                f"{nearest(self.settings.algorithm, STEPS)}"
            )
        self.network = NetworkPhaser(weights, device)

    def phase(self, observations: Observations) -> PhasedWaves:
        """Recover one wave from each item's pattern and image."""
        experiment, grid = observations.experiment, observations.experiment.wave_grid
        guess = self.network.guess(observations)
        found = self.restart(observations, guess)
        waves = with_phase_object_amplitude(
            centred(found.waves), grid, self.settings.phase_object_angstrom
        )
        return PhasedWaves(waves, high_resolution_images(waves, experiment), found.error)

    def restart(self, observations: Observations, guess: NetworkGuess) -> Consensus:
        """Iterate from every start, and find what the ends have in common."""
        settings, grid = self.settings, observations.experiment.wave_grid
        moduli = _held_moduli(observations, settings.restraint)
        possible = grown(guess.probability > settings.possible, settings.border_angstrom, grid)
        first = grown(guess.probability > settings.likely, settings.margin_angstrom, grid)
        restarts, iterations = settings.plan
        schedule = IterativeSettings(
            iterations=iterations,
            **{name: getattr(settings, name) for name in SHARED_SETTINGS},
        )
        items, count = observations.numbers, len(observations)

        def work(rows: Sequence[int]) -> tuple[Waves, Tensor]:
            places = [row % count for row in rows]
            own = moduli.rows(places)
            start = torch.cat(
                [
                    random_starts(
                        guess.waves[p : p + 1],
                        moduli.rows([p]),
                        [items[p]],
                        settings.seed,
                        row // count,
                    )
                    for p, row in zip(places, rows, strict=True)
                ]
            )
            refinement = LevelRefinement(possible[places], grid, settings.margin_angstrom)
            return iterate(start, own, first[places], schedule, refinement, grid)

        waves, errors = by_rows(work, restarts * count, moduli.modulus.device)
        return consensus(torch.chunk(waves, restarts), torch.chunk(errors, restarts))


SHARED_SETTINGS = (
    "algorithm", "beta", "restraint", "cycle", "error_reduction_steps", "settled_fraction",
    "phase_object_angstrom",
)  # fmt: skip
"""Settings of the iterations themselves."""


def _held_moduli(observations: Observations, strength: float) -> MeasuredModuli:
    """Measured moduli with the pull of the image's phases."""
    moduli = measured_moduli(observations)
    if strength == 0:
        return moduli
    phases = image_phases(observations, moduli)
    return replace(moduli, restraint=restraint(phases, moduli, strength))


def load_weights(place: Path | None) -> UnrolledWeights:
    """Read weights from a place, or those of the package."""
    return read_unrolled(place or packaged_weights())
