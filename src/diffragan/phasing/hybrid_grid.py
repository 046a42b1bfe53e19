"""What the hybrid's iterations need on one grid: moduli, supports, a schedule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from diffragan.fourier import centred, decentred, resample
from diffragan.grid import Grid
from diffragan.phasing.finishing import Ending, finish
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.network_alone import NetworkGuess
from diffragan.phasing.projections import MeasuredModuli, measured_moduli
from diffragan.phasing.protocol import Observations
from diffragan.phasing.restraint import image_phases, restraint
from diffragan.phasing.support import grown, molecule_envelope
from diffragan.typing import Bool, Float, Tensor, Waves


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
class Iterations:
    """All that iterations of some items need on one grid, origin at pixel [0, 0]."""

    grid: Grid
    moduli: MeasuredModuli
    guess: Waves
    possible: Bool[Tensor, "item y x"]
    support: Bool[Tensor, "item y x"]
    margin_angstrom: float
    held: Bool[Tensor, " item"]
    """Items that are held to a phase object and to the phases of their images."""
    schedule: IterativeSettings
    ending: Ending

    def refinement(self, places: Sequence[int]) -> LevelRefinement:
        """Return what draws the supports of some items."""
        return LevelRefinement(self.possible[list(places)], self.grid, self.margin_angstrom)

    def iterate(
        self, places: Sequence[int], start: Waves, support: Bool[Tensor, "item y x"]
    ) -> tuple[Waves, Tensor]:
        """Iterate some items from their starts."""
        refinement = self.refinement(places)
        moduli, held = self.moduli.rows(places), self.held[list(places)]
        return iterate(start, moduli, support, self.schedule, refinement, self.grid, held)

    def finish(self, places: Sequence[int], wave: Waves, items: Sequence[int]) -> Waves:
        """Bring waves that were averaged or blended back to their moduli and supports.

        Parameters
        ----------
        items : Number of each wave's item in its data set.
        """
        support = self.refinement(places)(wave, 1.0)
        moduli = self.moduli.rows(places).sharpened(wave * support)
        return finish(wave, moduli, support, self.ending, items)


def coarse_iterations(
    observations: Observations, guess: NetworkGuess, settings: HybridSettings
) -> Iterations | None:
    """Return the iterations that come first; `None` where the grid is coarse already.

    They find the molecule by all that is known of it: its image, too, and that it is nearly a phase
    object.
    """
    pixels = settings.coarse_pixels(observations.experiment)
    _, _, count = settings.plan()
    if not count or pixels >= observations.experiment.wave_pixels:
        return None
    everyone = torch.ones(len(observations), dtype=torch.bool, device=guess.waves.device)
    moduli = _held_moduli(observations, settings.restraint, pixels)
    return _iterations(observations, guess, settings, moduli, everyone, count)


def fine_iterations(
    observations: Observations, guess: NetworkGuess, settings: HybridSettings
) -> Iterations:
    """Return the iterations on the whole grid.

    Of well measured moduli these alone decide; a wave of weak ones is still held to its image and
    to a phase object, without which it would drift into their noise. So is that of a molecule that
    fills its box: its pattern is oversampled too little to determine it.
    """
    pixels = observations.experiment.wave_pixels
    moduli = _held_moduli(observations, settings.restraint, pixels).free_beyond()
    covered = (guess.probability > settings.likely).to(torch.float32).mean((-2, -1))
    held = (mean_trust(moduli) < settings.well_measured) | (covered * LEAST_OVERSAMPLING > 1)
    if moduli.restraint is not None:
        moduli = replace(moduli, restraint=moduli.restraint * held[:, None, None])
    _, count, _ = settings.plan(pixels)
    return _iterations(observations, guess, settings, moduli, held, count)


def mean_trust(moduli: MeasuredModuli) -> Float[Tensor, " item"]:
    """Mean trust in the measured moduli of each item: 1 if they are exact."""
    trust = moduli.trust
    if trust is None:
        return torch.ones(len(moduli.modulus), device=moduli.modulus.device)
    return trust[:, moduli.known].mean(-1)


def _iterations(
    observations: Observations,
    guess: NetworkGuess,
    settings: HybridSettings,
    moduli: MeasuredModuli,
    held: Bool[Tensor, " item"],
    count: int,
) -> Iterations:
    pixels = moduli.modulus.shape[-1]
    grid = Grid(pixels, observations.experiment.box_angstrom)
    probability = decentred(resample(centred(guess.probability), pixels).real)
    possible = grown(probability > settings.possible, settings.border_angstrom, grid)
    possible = _or_else(possible, torch.ones_like(possible))
    likely = grown(probability > settings.likely, settings.margin_angstrom, grid)
    return Iterations(
        grid,
        moduli,
        decentred(resample(centred(guess.waves), pixels)),
        possible,
        _or_else(likely, possible),
        settings.margin_angstrom,
        held,
        IterativeSettings(
            iterations=count,
            **{name: getattr(settings, name) for name in SHARED_SETTINGS},
        ),
        settings.ending(),
    )


LEAST_OVERSAMPLING = 2.0
"""Area of the box over that of the molecule from which a pattern can determine a wave.

Source: Bates, Optik 61 (1982) 247; Miao, Sayre and Chapman, J. Opt. Soc. Am. A 15 (1998) 1662.
"""
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
