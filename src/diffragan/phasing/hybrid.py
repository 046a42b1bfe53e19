"""The hybrid phaser: a network finds envelope and first phases, iterations finish them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError, nearest
from diffragan.fourier import centred, decentred, resample
from diffragan.phasing.algorithms import STEPS
from diffragan.phasing.amplitude import convergence, with_beam_phase, with_settled_amplitude
from diffragan.phasing.blend import blend
from diffragan.phasing.confidence import Calibration, prediction, read_calibration, uncalibrated
from diffragan.phasing.evidence import Bands, Evidence, gather
from diffragan.phasing.fitness import empty_patterns
from diffragan.phasing.hybrid_grid import Iterations, coarse_iterations, fine_iterations
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.network_alone import NetworkGuess, NetworkPhaser
from diffragan.phasing.projections import MeasuredModuli, measured_moduli, project_modulus
from diffragan.phasing.protocol import Observations, PhasedWaves, Prediction, high_resolution_images
from diffragan.phasing.restarts import Consensus, consensus, random_starts
from diffragan.phasing.restraint import image_phases
from diffragan.phasing.rows import by_rows
from diffragan.phasing.weights import UnrolledWeights
from diffragan.rings import ring_index, ring_sum
from diffragan.symmetries import SYMMETRIES
from diffragan.typing import Bool, Float, Images, Tensor, Waves

FIRST_RESTARTS = 2
"""The fewest that can agree."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The waves of some items, origin at pixel [0, 0], and all that led to them."""

    waves: Waves
    """Before their coarse real part is settled (`HybridPhaser.settled`)."""
    guess: NetworkGuess
    found: Consensus
    error: Float[Tensor, " item"]
    """As of `HybridPhaser.error`."""
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
        error = answer.error
        if answer.prediction is not None:
            # What is left is the network's wave, whose coarse real part is nobody's measurement.
            error = torch.where(answer.prediction.failed, torch.inf, error)
        waves, images = self.settled(answer.waves, error, experiment)
        return PhasedWaves(
            waves,
            images,
            answer.found.error,
            prediction=answer.prediction,
            notes=answer.guess.notes,
        )

    def settled(
        self, waves: Waves, error: Float[Tensor, " item"], experiment: Experiment
    ) -> tuple[Waves, Images]:
        """Settle the coarse real part of waves with their origin at [0, 0]; give their images, too.

        Returns
        -------
        Waves `(item, y, x)` and images `(item, y, x)`, origin at pixel n // 2.
        """
        settled = with_settled_amplitude(
            centred(waves), error, experiment.wave_grid, self.settings.phase_object_angstrom
        )
        return settled, high_resolution_images(settled, experiment)

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
        return None if self.settings.plan()[0] == 1 else self.calibration

    def answer(self, observations: Observations) -> Answer:
        """Recover waves, and keep all that led to them."""
        grid = observations.experiment.wave_grid
        guess = self.network.guess(observations)
        coarse = coarse_iterations(observations, guess, self.settings)
        fine = fine_iterations(observations, guess, self.settings)
        found = self.restart(observations.numbers, coarse, fine)
        moduli = measured_moduli(observations).sharpened(found.waves)
        share = (guess.probability > self.settings.likely).float().mean((-2, -1))
        phases = image_phases(observations, moduli)
        evidence = gather(found, guess.waves, share, moduli, phases, grid)
        calibration = self._calibration_in_force
        if calibration is None:
            curves = uncalibrated(evidence)
        else:
            calibration = calibration.to(found.waves.device)
            curves = calibration.predict(evidence)
        waves = self.joined(
            found, guess.waves, curves, moduli, evidence.bands, fine, observations.numbers
        )
        told = None
        if calibration is not None:
            failed = curves["iterated"].mean(-1) < curves["network"].mean(-1)
            waves = self._with_network_alone(waves, failed, observations)
            blend = torch.where(failed[:, None], curves["network"], curves["blend"])
            curves = {**curves, "blend": blend}
            # Whatever restarts agree on where nothing was measured, it is not a success.
            failed = failed | empty_patterns(observations)
            told = prediction(curves, evidence.bands, calibration, failed)
        return Answer(waves, guess, found, self.error(found, fine), evidence, told)

    def _with_network_alone(
        self, waves: Waves, failed: Bool[Tensor, " item"], observations: Observations
    ) -> Waves:
        """Replace failed items by all that the network can tell of them."""
        rows = torch.nonzero(failed).flatten()
        if not len(rows):
            return waves
        told = self.network.guess(observations.rows(rows.tolist()), looks=len(SYMMETRIES))
        return waves.index_copy(0, rows, told.waves)

    def error(self, found: Consensus, fine: Iterations) -> Float[Tensor, " item"]:
        """Energy outside the support; infinite where restarts disagree.

        A support that fills the box is met by many a wave, and then its being met says nothing.
        """
        agreement = found.overall_agreement(measured_in_rings(fine.moduli))
        return torch.where(agreement < self.settings.sure, torch.inf, found.error)

    def joined(
        self,
        found: Consensus,
        guess: Waves,
        curves: Mapping[str, Float[Tensor, "item band"]],
        moduli: MeasuredModuli,
        bands: Bands,
        fine: Iterations,
        items: Sequence[int],
    ) -> Waves:
        """Blend the iterated waves with the network's, and finish those that are well measured."""
        waves = join(found, guess, curves, moduli, bands, self.error(found, fine))
        alive = moduli.bound.flatten(1).amax(1) > 0
        rows = torch.nonzero(alive & ~fine.held).flatten().tolist()
        if rows:

            def work(some: Sequence[int]) -> tuple[Waves]:
                return (fine.finish(some, waves[list(some)], [items[row] for row in some]),)

            (finished,) = by_rows(work, rows, waves.device)
            waves = waves.index_copy(0, torch.tensor(rows, device=waves.device), finished)
        return waves

    def restart(
        self, items: Sequence[int], coarse: Iterations | None, fine: Iterations
    ) -> Consensus:
        """Iterate from every start, and find what the ends have in common.

        Parameters
        ----------
        items : Number of each item in its data set.
        """
        settings, count = self.settings, len(items)
        restarts, _, _ = settings.plan()
        begin = coarse or fine
        pixels = fine.grid.pixels

        def work(rows: Sequence[int]) -> tuple[Waves, Tensor]:
            places, numbers = [row % count for row in rows], [row // count for row in rows]
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
            wave, error = fine.iterate(places, start, support)
            return with_beam_phase(wave, fine.grid), error

        device = fine.guess.device
        first = min(restarts, FIRST_RESTARTS)
        waves, errors = by_rows(work, range(first * count), device)
        ends = list(torch.chunk(waves, first)), list(torch.chunk(errors, first))
        found = consensus(*ends)
        agreement = found.overall_agreement(measured_in_rings(fine.moduli))
        alive = fine.moduli.bound.flatten(1).amax(1) > 0  # an empty pattern has nothing to agree on
        unsure = torch.nonzero((agreement < settings.sure) & alive).flatten().tolist()
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
    error: Float[Tensor, " item"],
) -> Waves:
    """Blend the iterated wave with the network's, both with the measured moduli.

    Of an empty pattern the network's wave stands alone.
    """
    projected = project_modulus(guess, moduli)
    doubt = 1 - convergence(error)
    joined = blend(found.waves, projected, curves["iterated"], curves["network"], bands, doubt)
    dead = moduli.bound.flatten(1).amax(1) <= 0
    return torch.where(dead[:, None, None], guess, joined)


def measured_in_rings(moduli: MeasuredModuli) -> Float[Tensor, " ring"]:
    """Count the measured coefficients of each ring."""
    side = moduli.known.shape[-1]
    rings = ring_index((side, side), moduli.known.device)
    return ring_sum(moduli.known.to(moduli.modulus.dtype), rings, side // 2)
