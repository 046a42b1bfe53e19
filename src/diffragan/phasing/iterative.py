"""ER, HIO and RAAR on the mid-plane wave, with a support estimated from the data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.errors import ConfigError, nearest
from diffragan.fourier import centred
from diffragan.grid import Grid
from diffragan.phasing.algorithms import STEPS, error_reduction
from diffragan.phasing.projections import (
    MeasuredModuli,
    energy_outside,
    measured_moduli,
    project_modulus,
)
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.phasing.restraint import image_phases, restraint, starting_wave
from diffragan.phasing.rows import by_rows
from diffragan.phasing.support import (
    estimate_support,
    mass_from_pattern,
    support_area,
)
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.typing import Bool, Tensor, Waves


class IterativeSettings(Settings):
    """How long and how to iterate."""

    algorithm: str = "hio"
    iterations: int = Field(1500, ge=1)
    beta: float = Field(0.9, gt=0, le=1)
    restraint: float = Field(0.3, ge=0, le=1)
    """Pull of the image's phases on the iterate's; 0 leaves the image to the start alone."""
    positive: bool = True
    """Whether the phase of the wave may not be negative."""
    cycle: int = Field(50, ge=1)
    """Iterations between looks at the support and the error."""
    error_reduction_steps: int = Field(10, ge=0)
    """Steps of error reduction that end each cycle, since a map read amid HIO is unsettled."""
    first_sigma_angstrom: float = Field(5.0, gt=0)
    last_sigma_angstrom: float = Field(2.0, gt=0)
    """Smoothing of the support, from the first to the last time it is drawn anew [Å]."""
    phase_object_angstrom: float = Field(2.0, gt=0)
    """Coarser than this the wave is held to a pure phase object while it settles [Å]; one projected
    slice is adequate to about 2.5 Å (Leidl et al., IUCrJ 10 (2023) 475)."""
    settled_fraction: float = Field(0.7, ge=0, lt=1)
    """Share of the iterations after which the support stays and the best iterate is kept."""


SHARPENED_EVERY = 3
"""Steps of error reduction after which a point spread is taken off the moduli anew: at each step it
would cost as much as all else."""


class Refinement(Protocol):
    """Draws the supports anew."""

    def __call__(self, wave: Waves, progress: float) -> Bool[Tensor, "item y x"]:
        """Return the supports at a `progress` from 0 to 1; the one at 1 stays."""
        ...


@dataclass
class _Best:
    """The iterate of least error so far, for each item."""

    error: Tensor
    wave: Waves

    def update(self, error: Tensor, wave: Waves) -> None:
        better = error < self.error
        self.error = torch.where(better, error, self.error)
        self.wave = torch.where(better[:, None, None], wave, self.wave)


def iterate(
    start: Waves,
    moduli: MeasuredModuli,
    support: Bool[Tensor, "item y x"],
    settings: IterativeSettings,
    refine_support: Refinement | None = None,
    grid: Grid | None = None,
    held: Bool[Tensor, " item"] | None = None,
) -> tuple[Waves, Tensor]:
    """Iterate from `start` and return each item's best wave and its energy outside the support.

    Parameters
    ----------
    start : `(item, y, x)`, origin at [0, 0].
    moduli : What was measured, with the image's restraint if wanted.
    support : Where the wave may be; redrawn on the way if `refine_support` is given.
    settings : Algorithm and schedule.
    grid : Sampling of the wave; if given, the wave is held to a phase object at low resolution.
    held : The items that are; all when left out.

    Returns
    -------
    The wave with the measured moduli that breaks its support least, and by how much.
    """
    step = STEPS[settings.algorithm]
    wave = start * support
    best: _Best | None = None
    settled = refine_support is None or settings.settled_fraction == 0
    for number in range(1, settings.iterations + 1):
        place = (number - 1) % settings.cycle
        settling = place >= settings.cycle - settings.error_reduction_steps
        advance = error_reduction if settling else step
        # Amid other steps a wave's intensities are not those of a molecule.
        if settling and (settings.cycle - 1 - place) % SHARPENED_EVERY == 0:
            moduli = moduli.sharpened(wave * support)
        wave = advance(wave, moduli, support, settings.positive, settings.beta)
        if settling and grid is not None and (held is None or bool(held.any())):
            phase_object = with_phase_object_amplitude(wave, grid, settings.phase_object_angstrom)
            phase_object *= support
            wave = phase_object if held is None else _chosen(held, phase_object, wave)
        if number % settings.cycle and number != settings.iterations:
            continue
        estimate = project_modulus(wave, moduli)
        if not settled and refine_support is not None and number < settings.iterations:
            progress = number / (settings.settled_fraction * settings.iterations)
            support = refine_support(estimate, min(progress, 1.0))
            settled = progress >= 1
            continue
        error = energy_outside(estimate, support, settings.positive)
        # A wave that died, as in an empty support, leaves nothing outside and is no solution.
        error = torch.where(estimate.abs().amax((-2, -1)) > 0, error, 1.0)
        if best is None:
            best = _Best(error, estimate)
        best.update(error, estimate)
    assert best is not None  # the last iteration always counts
    return best.wave, best.error


def _chosen(items: Bool[Tensor, " item"], these: Waves, others: Waves) -> Waves:
    return torch.where(items[:, None, None], these, others)


@dataclass(frozen=True, slots=True)
class SupportRefinement:
    """Draws the support anew from the wave phased so far, ever more finely (shrink-wrap).

    Source: Marchesini et al., Phys. Rev. B 68 (2003) 140101; here the area stays what the mass
    asks.
    """

    area_angstrom2: Tensor
    grid: Grid
    settings: IterativeSettings

    def __call__(self, wave: Waves, progress: float) -> Bool[Tensor, "item y x"]:
        """Return the support at a `progress` from 0 to 1."""
        first, last = self.settings.first_sigma_angstrom, self.settings.last_sigma_angstrom
        sigma = first + (last - first) * progress
        return estimate_support(wave, self.area_angstrom2, sigma, self.grid)


class IterativePhaser:
    """Phases patterns by projections, starting from the low-resolution image."""

    def __init__(self, settings: IterativeSettings | None = None) -> None:
        """Check the settings.

        Raises
        ------
        ConfigError : The algorithm is not one of er, hio and raar.
        """
        self.settings = settings or IterativeSettings()
        if self.settings.algorithm not in STEPS:
            raise ConfigError(
                f"there is no algorithm '{self.settings.algorithm}'; "
                f"{nearest(self.settings.algorithm, STEPS)}"
            )

    def phase(self, observations: Observations) -> PhasedWaves:
        """Phase each item from its own pattern and image."""
        experiment, grid = observations.experiment, observations.experiment.wave_grid
        moduli = measured_moduli(observations)
        phases = image_phases(observations, moduli)
        if self.settings.restraint > 0:
            pull = restraint(phases, moduli, self.settings.restraint)
            moduli = replace(moduli, restraint=pull)
        area = support_area(mass_from_pattern(moduli, experiment))
        start = starting_wave(phases, moduli)

        def work(rows: Sequence[int]) -> tuple[Waves, Tensor]:
            chosen = list(rows)
            refinement = SupportRefinement(area[chosen], grid, self.settings)
            support = refinement(start[chosen], 0.0)
            return iterate(
                start[chosen], moduli.rows(chosen), support, self.settings, refinement, grid
            )

        wave, error = by_rows(work, range(len(observations)), start.device)
        finest = self.settings.phase_object_angstrom
        waves = with_phase_object_amplitude(centred(wave), grid, finest)
        return PhasedWaves(waves, high_resolution_images(waves, experiment), error)
