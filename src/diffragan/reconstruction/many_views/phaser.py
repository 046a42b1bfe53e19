"""Phase views by maps of their molecules: a phaser like all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from pydantic import Field

from diffragan.config.experiment import Experiment
from diffragan.config.settings import Settings
from diffragan.errors import InputError
from diffragan.fourier import centred, decentred, fft2, ifft2, resample
from diffragan.grid import Grid
from diffragan.phasing.iterative import IterativeSettings, iterate
from diffragan.phasing.projections import measured_moduli
from diffragan.phasing.protocol import Observations, PhasedWaves
from diffragan.phasing.rows import by_rows
from diffragan.phasing.support import grown
from diffragan.physics.forward import image
from diffragan.reconstruction.many_views.supports import smoothed
from diffragan.reconstruction.many_views.waves import waves_of_map
from diffragan.typing import Bool, Float, Int, Tensor, Volume, Waves

WEAK_VOLT = 1e-3
EDGE_ANGSTROM = 1.0
SUPPORT_PER_ANGSTROM = 0.5
"""A support smoothed by `EDGE_ANGSTROM` has nothing beyond it."""


class ManyViewsPhaserSettings(Settings):
    """How a view's wave is made from a map and refined against its own pattern."""

    iterations: int = Field(100, ge=0)
    """0 leaves the map's waves as they are."""
    restraint: float = Field(0.03, ge=0, le=1)
    """Pull of the map's phases on the iterate's."""
    margin_angstrom: float = Field(0.5, ge=0)
    """By how much a view's support is wider than the map's projection [Å]."""
    well_measured: float = Field(0.7, ge=0, le=1)
    """Mean trust in its moduli from which a view is refined. Below it, counts of one pattern say
    less than the map, which has those of all."""


@dataclass(frozen=True, slots=True)
class KnownMap:
    """A map, and where in it the molecule is."""

    volume: Volume
    """Origin at voxel [0, 0, 0] [V]."""
    support: Bool[Tensor, "z y x"]
    grid: Grid
    limit_per_angstrom: float
    """Where it ends [1/Å]."""


@dataclass(frozen=True, slots=True)
class KnownViews:
    """Which map each view of a data set shows, and how; by the number of the view."""

    maps: Int[Tensor, " view"]
    rotations: Float[Tensor, "view 3 3"]
    """Map to laboratory frame."""
    shifts_angstrom: Float[Tensor, "view 3"]
    """Where the map's origin appears [Å]."""


class ManyViewsPhaser:
    """Takes the wave of each view from a map, then refines it against the view's own pattern."""

    def __init__(
        self,
        read_map: Callable[[int], KnownMap],
        views: KnownViews,
        settings: ManyViewsPhaserSettings | None = None,
    ) -> None:
        """Keep the poses, and how maps are read.

        Parameters
        ----------
        read_map : Gives a map by its number in `views`; asked for one at a time.
        """
        self._map = lru_cache(maxsize=1)(read_map)
        self.views, self.settings = views, settings or ManyViewsPhaserSettings()

    def phase(self, observations: Observations) -> PhasedWaves:
        """Phase each view by its number.

        Raises
        ------
        InputError : A view has no orientation.
        """
        numbers = list(observations.numbers)
        if max(numbers) >= len(self.views.rotations):
            raise InputError(
                f"view {max(numbers)} has no orientation; the map knows those of "
                f"{len(self.views.rotations)} views"
            )
        experiment, grid = observations.experiment, observations.experiment.wave_grid
        finest = _finest_grid(experiment)
        fine = self._waves(numbers, finest, observations)
        start = decentred(resample(fine, grid.pixels).to(fine.dtype))
        wave, error = self._refined(start, numbers, observations)
        # What the stored waves are too coarse for is the map's.
        fine = fine + resample(centred(wave - start), finest.pixels).to(fine.dtype)
        images = image(
            fine, finest, experiment.high_resolution, experiment.electron, experiment.image_pixels
        )
        return PhasedWaves(centred(wave), images, error)

    def _refined(
        self, start: Waves, numbers: list[int], observations: Observations
    ) -> tuple[Waves, Float[Tensor, " item"]]:
        """Refine waves, origin at [0, 0], against well measured patterns.

        What was not measured of a view's own pattern stays as the map has it: other views did.
        """
        moduli = measured_moduli(observations).free_beyond()
        trusted = torch.ones(len(numbers))
        if moduli.trust is not None:
            trusted = moduli.trust[:, moduli.known].mean(1).cpu()
        rows = torch.nonzero(trusted >= self.settings.well_measured).flatten().tolist()
        error = torch.full((len(numbers),), torch.nan, device=start.device)
        if not (rows and self.settings.iterations):
            return start, error
        grid = observations.experiment.wave_grid
        of_map = fft2(start)
        moduli = replace(moduli, restraint=self.settings.restraint * of_map)
        support = self._supports(numbers, grid, observations)
        own = moduli.known | self._beyond_maps(numbers, grid).to(start.device)
        own[..., 0, 0] = True  # the mean is settled by the support
        schedule = IterativeSettings(iterations=self.settings.iterations, settled_fraction=0)

        def work(some: Sequence[int]) -> tuple[Waves, Tensor]:
            chosen = list(some)
            found, outside = iterate(start[chosen], moduli.rows(chosen), support[chosen], schedule)
            return ifft2(torch.where(own[chosen], fft2(found), of_map[chosen])), outside

        waves, outside = by_rows(work, rows, start.device)
        places = torch.tensor(rows, device=start.device)
        return start.index_copy(0, places, waves), error.index_copy(0, places, outside)

    def _beyond_maps(self, numbers: list[int], grid: Grid) -> Bool[Tensor, "item y x"]:
        """Coefficients of each view that its map does not reach, FFT order."""
        limits = {
            which: self._map(which).limit_per_angstrom
            for which in torch.unique(self.views.maps[numbers]).tolist()
        }
        ends = torch.tensor([limits[int(which)] for which in self.views.maps[numbers]])
        return grid.squared_frequencies() > ends[:, None, None] ** 2

    def _waves(self, numbers: list[int], grid: Grid, observations: Observations) -> Waves:
        """Waves of the maps, origin at n // 2."""
        return self._by_map(
            numbers, lambda known, some: self._seen(known, known.volume, some, grid, observations)
        )

    def _supports(
        self, numbers: list[int], grid: Grid, observations: Observations
    ) -> Bool[Tensor, "item y x"]:
        """Project the maps' supports along each view, FFT order."""
        sigma = observations.experiment.electron.interaction_rad_per_volt_angstrom

        def inside(known: KnownMap, some: list[int]) -> Tensor:
            # So weak that its wave is its projection, and so smooth that no edge rings.
            weak = WEAK_VOLT * smoothed(known.support.float(), EDGE_ANGSTROM, known.grid)
            seen = self._seen(known, weak, some, grid, observations, SUPPORT_PER_ANGSTROM)
            return decentred(seen).imag > WEAK_VOLT * sigma * known.grid.pixel_angstrom

        return grown(self._by_map(numbers, inside), self.settings.margin_angstrom, grid)

    def _seen(
        self,
        known: KnownMap,
        volume: Volume,
        numbers: list[int],
        grid: Grid,
        observations: Observations,
        most_per_angstrom: float = torch.inf,
    ) -> Waves:
        """Waves of a volume that lies as a map does."""
        waves = waves_of_map(
            volume, known.grid, self.views.rotations[numbers], self.views.shifts_angstrom[numbers],
            grid, observations.experiment.electron,
            min(known.limit_per_angstrom, most_per_angstrom),
        )  # fmt: skip
        return waves.to(observations.diffraction.device)

    def _by_map(self, numbers: list[int], of: Callable[[KnownMap, list[int]], Tensor]) -> Tensor:
        """Join what is made of the views of each map, in the order of the views."""
        owner = self.views.maps[numbers]
        rows, parts = [], []
        for which in torch.unique(owner).tolist():
            own = torch.nonzero(owner == which)[:, 0]
            rows.append(own)
            parts.append(of(self._map(which), [numbers[row] for row in own.tolist()]))
        order = torch.argsort(torch.cat(rows)).to(parts[0].device)
        return torch.cat(parts)[order]


def _finest_grid(experiment: Experiment) -> Grid:
    """Return the finer of the waves' and the images' grids: a map may reach beyond the waves'."""
    return Grid(max(experiment.wave_pixels, experiment.image_pixels), experiment.box_angstrom)
