"""The hybrid phaser: a network finds envelope and first phases, iterations finish them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from pydantic import Field

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.config.settings import Settings
from diffragan.errors import ConfigError, nearest
from diffragan.fourier import centred, decentred, resample
from diffragan.grid import Grid
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.blend import blend
from diffragan.phasing.confidence import Calibration, prediction, read_calibration, uncalibrated
from diffragan.phasing.evidence import Bands, Evidence, gather
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.network_alone import NetworkGuess, NetworkPhaser
from diffragan.phasing.projections import MeasuredModuli, measured_moduli, project_modulus
from diffragan.phasing.protocol import Observations, PhasedWaves, Prediction, high_resolution_images
from diffragan.phasing.restarts import Consensus, consensus, random_starts
from diffragan.phasing.restraint import image_phases, restraint
from diffragan.phasing.rows import by_rows
from diffragan.phasing.support import grown, molecule_envelope
from diffragan.phasing.weights import UnrolledWeights
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.rings import ring_index, ring_sum
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
    coarse_iterations: int | None = Field(None, ge=0)
    """Iterations before these on a coarser grid, where each costs a fraction; by the effort when
    left out."""
    coarse_angstrom: float = Field(2.2, gt=0)
    """Finest resolution of that grid [Å]."""
    algorithm: str = "hio"
    beta: float = Field(0.6, gt=0, le=1)
    restraint: float = Field(0.1, ge=0, le=1)
    """Pull of the image's phases on the iterate's."""
    likely: float = Field(0.5, gt=0, lt=1)
    """Probability of the envelope from which the first support is drawn."""
    possible: float = Field(0.05, gt=0, lt=1)
    """Probability of the envelope within which every later support stays."""
    border_angstrom: float = Field(2.0, ge=0)
    """How far the possible envelope is grown [Å]."""
    margin_angstrom: float = Field(1.0, ge=0)
    """How far the last support reaches beyond what the wave shows [Å]."""
    cycle: int = Field(100, ge=1)
    error_reduction_steps: int = Field(10, ge=0)
    settled_fraction: float = Field(0.6, ge=0, lt=1)
    sure: float = Field(0.7, ge=0, le=1)
    """Agreement of the first two restarts from which an item needs no others."""
    phase_object_angstrom: float = Field(2.0, gt=0)
    seed: int = Field(0, ge=0)
    """Of the random phases."""

    @property
    def plan(self) -> tuple[int, int, int]:
        """Restarts, iterations, and iterations on the coarse grid."""
        restarts, iterations, coarse = EFFORTS[self.effort]
        given = self.coarse_iterations
        return (
            self.restarts or restarts,
            self.iterations or iterations,
            coarse if given is None else given,
        )

    def coarse_pixels(self, experiment: Experiment) -> int:
        """Side of the coarse grid: fast to transform."""
        return fast_even(2 * experiment.box_angstrom / self.coarse_angstrom)


EFFORTS: dict[Effort, tuple[int, int, int]] = {
    "quick": (2, 200, 400),
    "normal": (4, 400, 1000),
    "best": (12, 1000, 2000),
}
"""Restarts, iterations, and iterations on the coarse grid before them."""
FIRST_RESTARTS = 2
"""The fewest that can agree."""


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
        return _or_else(found & self.possible, self.possible)


def _or_else(
    support: Bool[Tensor, "item y x"], otherwise: Bool[Tensor, "item y x"]
) -> Bool[Tensor, "item y x"]:
    """Take `otherwise` for each item with an empty support, in which its wave would die."""
    empty = ~support.flatten(1).any(1)
    return torch.where(empty[:, None, None], otherwise, support)


@dataclass(frozen=True, slots=True)
class Answer:
    """The waves of some items, origin at pixel [0, 0], and all that led to them."""

    waves: Waves
    guess: NetworkGuess
    found: Consensus
    evidence: Evidence
    prediction: Prediction | None


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
        self.weights = self.network.weights
        self.calibration = read_calibration(self.weights.where)

    def phase(self, observations: Observations) -> PhasedWaves:
        """Recover one wave from each item's pattern and image."""
        answer = self.answer(observations)
        experiment = observations.experiment
        waves = with_phase_object_amplitude(
            centred(answer.waves), experiment.wave_grid, self.settings.phase_object_angstrom
        )
        images = high_resolution_images(waves, experiment)
        return PhasedWaves(
            waves,
            images,
            answer.found.error,
            prediction=answer.prediction,
            notes=answer.guess.notes,
        )

    def predicted_frequencies(self, observations: Observations) -> tuple[float, ...]:
        """Frequencies of the curves it predicts [1/Å]; none with weights without a calibration."""
        if self._calibration_in_force is None:
            return ()
        grid = observations.experiment.wave_grid
        bands = Bands.of(measured_moduli(observations), grid)
        return tuple(bands.frequency_per_angstrom.tolist())

    @property
    def _calibration_in_force(self) -> Calibration | None:
        """The calibration, which reads the agreement of restarts: one alone agrees with nothing."""
        return None if self.settings.plan[0] == 1 else self.calibration

    def answer(self, observations: Observations) -> Answer:
        """Recover waves, and keep all that led to them."""
        grid = observations.experiment.wave_grid
        guess = self.network.guess(observations)
        found = self.restart(observations, guess)
        moduli = measured_moduli(observations)
        share = (guess.probability > self.settings.likely).float().mean((-2, -1))
        phases = image_phases(observations, moduli)
        evidence = gather(found, guess.waves, share, moduli, phases, grid)
        calibration = self._calibration_in_force
        if calibration is None:
            curves = uncalibrated(evidence)
        else:
            calibration = calibration.to(found.waves.device)
            curves = calibration.predict(evidence)
        waves = join(found, guess.waves, curves, moduli, evidence.bands)
        told = None
        if calibration is not None:
            failed = curves["iterated"].mean(-1) < curves["network"].mean(-1)
            told = prediction(curves, evidence.bands, calibration, failed)
        return Answer(waves, guess, found, evidence, told)

    def restart(self, observations: Observations, guess: NetworkGuess) -> Consensus:
        """Iterate from every start, and find what the ends have in common."""
        settings = self.settings
        restarts, iterations, coarse_iterations = settings.plan
        pixels = observations.experiment.wave_pixels
        fine = _task(observations, guess, settings, pixels, iterations)
        coarse_pixels = settings.coarse_pixels(observations.experiment)
        coarse = None
        if coarse_iterations and coarse_pixels < pixels:
            coarse = _task(observations, guess, settings, coarse_pixels, coarse_iterations)
        items, count = observations.numbers, len(observations)

        def work(rows: Sequence[int]) -> tuple[Waves, Tensor]:
            places, numbers = [row % count for row in rows], [row // count for row in rows]
            begin = coarse or fine
            starts = [
                random_starts(
                    begin.guess[p : p + 1], begin.moduli.rows([p]), [items[p]], settings.seed, n
                )
                for p, n in zip(places, numbers, strict=True)
            ]
            start, support = torch.cat(starts), begin.support[places]
            if coarse is not None:
                ended, _ = coarse.iterate(places, start, support)
                start = decentred(resample(centred(ended), pixels))
                support = fine.refinement(places)(start, 1.0)
            return fine.iterate(places, start, support)

        device = fine.guess.device
        first = min(restarts, FIRST_RESTARTS)
        waves, errors = by_rows(work, range(first * count), device)
        ends = list(torch.chunk(waves, first)), list(torch.chunk(errors, first))
        found = consensus(*ends)
        agreement = found.overall_agreement(measured_in_rings(fine.moduli))
        unsure = torch.nonzero(agreement < settings.sure).flatten().tolist()
        if restarts == first or not unsure:
            return found
        rows = [number * count + place for number in range(first, restarts) for place in unsure]
        waves, errors = by_rows(work, rows, device)
        places = torch.tensor(unsure, device=device)
        for more, error in zip(
            torch.chunk(waves, restarts - first), torch.chunk(errors, restarts - first), strict=True
        ):
            ends[0].append(torch.zeros_like(found.waves).index_copy(0, places, more))
            ends[1].append(torch.full_like(found.error, torch.inf).index_copy(0, places, error))
        return consensus(*ends)


def join(
    found: Consensus,
    guess: Waves,
    curves: Mapping[str, Float[Tensor, "item band"]],
    moduli: MeasuredModuli,
    bands: Bands,
) -> Waves:
    """Blend the iterated wave with the network's, both with the measured moduli.

    Of an empty pattern the network's wave stands alone.
    """
    projected = project_modulus(guess, moduli)
    joined = blend(found.waves, projected, curves["iterated"], curves["network"], bands)
    dead = moduli.bound.flatten(1).amax(1) <= 0
    return torch.where(dead[:, None, None], guess, joined)


def measured_in_rings(moduli: MeasuredModuli) -> Float[Tensor, " ring"]:
    """Count the measured coefficients of each ring."""
    side = moduli.known.shape[-1]
    rings = ring_index((side, side), moduli.known.device)
    return ring_sum(moduli.known.to(moduli.modulus.dtype), rings, side // 2)


@dataclass(frozen=True, slots=True)
class _Task:
    """All that iterations of some items need on one grid, origin at pixel [0, 0]."""

    grid: Grid
    moduli: MeasuredModuli
    guess: Waves
    possible: Bool[Tensor, "item y x"]
    support: Bool[Tensor, "item y x"]
    margin_angstrom: float
    schedule: IterativeSettings

    def refinement(self, places: Sequence[int]) -> LevelRefinement:
        """Return what draws the supports of some items."""
        return LevelRefinement(self.possible[list(places)], self.grid, self.margin_angstrom)

    def iterate(
        self, places: Sequence[int], start: Waves, support: Bool[Tensor, "item y x"]
    ) -> tuple[Waves, Tensor]:
        """Iterate some items from their starts."""
        refinement = self.refinement(places)
        return iterate(
            start, self.moduli.rows(places), support, self.schedule, refinement, self.grid
        )


def _task(
    observations: Observations,
    guess: NetworkGuess,
    settings: HybridSettings,
    pixels: int,
    iterations: int,
) -> _Task:
    grid = Grid(pixels, observations.experiment.box_angstrom)
    probability = decentred(resample(centred(guess.probability), pixels).real)
    possible = grown(probability > settings.possible, settings.border_angstrom, grid)
    possible = _or_else(possible, torch.ones_like(possible))
    likely = grown(probability > settings.likely, settings.margin_angstrom, grid)
    return _Task(
        grid,
        _held_moduli(observations, settings.restraint, pixels),
        decentred(resample(centred(guess.waves), pixels)),
        possible,
        _or_else(likely, possible),
        settings.margin_angstrom,
        IterativeSettings(
            iterations=iterations,
            **{name: getattr(settings, name) for name in SHARED_SETTINGS},
        ),
    )


SHARED_SETTINGS = (
    "algorithm", "beta", "restraint", "cycle", "error_reduction_steps", "settled_fraction",
    "phase_object_angstrom",
)  # fmt: skip
"""Settings of the iterations themselves."""


def _held_moduli(observations: Observations, strength: float, pixels: int) -> MeasuredModuli:
    """Measured moduli with the pull of the image's phases, each item's by themselves.

    Numbers of an item are rounded otherwise in other company, and iterations make much of that.
    """
    parts = []
    for row in range(len(observations)):
        seen = observations.rows([row])
        moduli = measured_moduli(seen, pixels)
        if strength > 0:
            pull = restraint(image_phases(seen, moduli), moduli, strength)
            moduli = replace(moduli, restraint=pull)
        parts.append(moduli)
    return MeasuredModuli.joined(parts)
