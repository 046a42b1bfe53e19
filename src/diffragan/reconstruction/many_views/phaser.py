"""Phase the views of one molecule by a map of it: a phaser like all others."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.errors import InputError
from diffragan.fourier import centred, decentred
from diffragan.grid import Grid
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.projections import measured_moduli
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images
from diffragan.phasing.rows import by_rows
from diffragan.phasing.support import grown
from diffragan.reconstruction.many_views.supports import smoothed
from diffragan.reconstruction.many_views.waves import waves_of_map
from diffragan.typing import Bool, Float, Tensor, Volume, Waves

WEAK_VOLT = 1e-3
EDGE_ANGSTROM = 1.0


class ManyViewsPhaserSettings(Settings):
    """How a view's wave is made from a map and refined against its own pattern."""

    iterations: int = Field(100, ge=0)
    """0 leaves the map's waves as they are."""
    margin_angstrom: float = Field(1.5, ge=0)
    """By how much a view's support is wider than the map's projection [Å]."""
    phase_object_angstrom: float = Field(2.0, gt=0)


@dataclass(frozen=True, slots=True)
class KnownMap:
    """A map and how it stood in each view."""

    volume: Volume
    """Origin at voxel [0, 0, 0] [V]."""
    support: Bool[Tensor, "z y x"]
    grid: Grid
    limit_per_angstrom: float
    rotations: Float[Tensor, "view 3 3"]
    """By the number of the view in its data set; molecule to laboratory frame."""
    shifts_angstrom: Float[Tensor, "view 3"]


class ManyViewsPhaser:
    """Takes the wave of each view from a map, then refines it against the view's own pattern."""

    def __init__(self, known: KnownMap, settings: ManyViewsPhaserSettings | None = None) -> None:
        """Keep the map."""
        self.known, self.settings = known, settings or ManyViewsPhaserSettings()

    def phase(self, observations: Observations) -> PhasedWaves:
        """Phase each view by its number.

        Raises
        ------
        InputError : A view has no orientation.
        """
        numbers = list(observations.numbers)
        if max(numbers) >= len(self.known.rotations):
            raise InputError(
                f"view {max(numbers)} has no orientation; the map knows those of "
                f"{len(self.known.rotations)} views"
            )
        experiment, grid = observations.experiment, observations.experiment.wave_grid
        start = decentred(self._waves(numbers, grid, observations, self.known.volume))
        error = torch.full((len(numbers),), torch.nan)
        if self.settings.iterations:
            moduli = measured_moduli(observations).free_beyond()
            support = self._supports(numbers, grid, observations)
            iterations = IterativeSettings(
                iterations=self.settings.iterations,
                phase_object_angstrom=self.settings.phase_object_angstrom,
                settled_fraction=0,
            )

            def work(rows: Sequence[int]) -> tuple[Waves, Tensor]:
                chosen = list(rows)
                return iterate(
                    start[chosen], moduli.rows(chosen), support[chosen], iterations, grid=grid
                )

            start, error = by_rows(work, range(len(numbers)), start.device)
        waves = centred(start)
        return PhasedWaves(waves, high_resolution_images(waves, experiment), error)

    def _waves(
        self, numbers: list[int], grid: Grid, observations: Observations, volume: Volume
    ) -> Waves:
        known = self.known
        return waves_of_map(
            volume, known.grid, known.rotations[numbers], known.shifts_angstrom[numbers], grid,
            observations.experiment.electron, known.limit_per_angstrom,
        )  # fmt: skip

    def _supports(
        self, numbers: list[int], grid: Grid, observations: Observations
    ) -> Bool[Tensor, "item y x"]:
        """Project the map's support along each view, FFT order."""
        # A map so weak that its wave is its projection, and so smooth that no edge rings.
        weak = WEAK_VOLT * smoothed(self.known.support.float(), EDGE_ANGSTROM, self.known.grid)
        sigma = observations.experiment.electron.interaction_rad_per_volt_angstrom
        seen = decentred(self._waves(numbers, grid, observations, weak)).imag
        inside = seen > WEAK_VOLT * sigma * self.known.grid.pixel_angstrom
        return grown(inside, self.settings.margin_angstrom, grid)
