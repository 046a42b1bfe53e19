"""All steps from patterns and a coarse map to a map, its halves, and what they are worth.

The halves are divided before anything is refined: scales, supports and phases of one never see the
other. They do share the free regions, and the coarse map where only one is given; then their
correlation says nothing coarser than that map's resolution.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.errors import ConfigError, InputError
from diffragan.grid import Grid
from diffragan.in_order import in_order
from diffragan.reconstruction.coverage import check_views_differ
from diffragan.reconstruction.many_views.extension import CycleRecord, Extended
from diffragan.reconstruction.many_views.free_regions import FreeRegions, width_for
from diffragan.reconstruction.many_views.geometry import BOX_OVER_DIAMETER, grid_for
from diffragan.reconstruction.many_views.merging import Merged, added, merge
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.repeats import Averaged, averaged, extend_once
from diffragan.reconstruction.many_views.scales import relative_scales, rescaled
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.supports import PROTEIN_ANGSTROM3_PER_DALTON
from diffragan.typing import Bool, Tensor, Volume

SPHERE_DIAMETER = (6 / torch.pi) ** (1 / 3)
"""Of a ball of volume 1."""


class ManyViewsSettings(Settings):
    """How many views are merged and phased together."""

    scale_rounds: int = Field(1, ge=0)
    """Times that the brightness of every pattern is refined."""
    free_fraction: float = Field(0.05, gt=0, le=0.5)
    free_seed: int = Field(0, ge=0)
    extension: ExtensionSettings = ExtensionSettings()


@dataclass(frozen=True, slots=True)
class Starts:
    """Coarse maps on one grid, origin at voxel [0, 0, 0] [V]: of all patterns and of each half."""

    full: Volume
    half1: Volume
    half2: Volume

    @classmethod
    def shared(cls, volume: Volume) -> "Starts":
        """Use one map for all three."""
        return cls(volume, volume, volume)


@dataclass(frozen=True, slots=True)
class PhasedTogether:
    """What many views give together."""

    grid: Grid
    full: Averaged
    half1: Averaged
    half2: Averaged
    merged: Merged
    free: Bool[Tensor, "z y half_x"]


Progress = Callable[[str, int, CycleRecord, Volume], None]
"""Told which map advanced (`map`, `half1` or `half2`), from which start, of what cycle, and its
present map; from several threads where there are."""
Keep = Callable[[str, int, Callable[[], Extended]], Extended]
"""Gives the run of a map from one start, one that was kept or one made now."""


def grid_of(experiment_box: float, diameter_angstrom: float, limit_per_angstrom: float) -> Grid:
    """Grid for a molecule of a diameter [Å]: fine enough for its autocorrelation.

    Raises
    ------
    InputError : The patterns were sampled too coarsely for the molecule.
    """
    if experiment_box < 2 * diameter_angstrom:
        raise InputError(
            f"patterns sampled at 1/{experiment_box:g} 1/Å cannot be merged for a molecule "
            f"{diameter_angstrom:.0f} Å across: its autocorrelation is twice as wide; use a box of "
            f"{2 * diameter_angstrom:.0f} Å or more"
        )
    return grid_for(limit_per_angstrom, BOX_OVER_DIAMETER * diameter_angstrom)


def merge_halves(
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    scale_rounds: int = 1,
    device: torch.device | str = "cpu",
) -> tuple[Merged, Merged]:
    """Merge both halves of the patterns, each with scales of its own.

    Raises
    ------
    InputError : A half is empty, or all views are from one side.
    """
    used = patterns.rotations[list(patterns.kept)]
    check_views_differ(used, grid, patterns.name)
    found = []
    for half in patterns.halves():
        merged = merge(half, grid, limit_per_angstrom, device)
        for _ in range(scale_rounds):
            half = rescaled(half, relative_scales(half, merged))  # noqa: PLW2901 - refined
            merged = merge(half, grid, limit_per_angstrom, device)
        found.append(merged)
    return found[0], found[1]


def phase_together(
    halves: tuple[Merged, Merged],
    starts: Starts,
    mass_kda: float,
    settings: ManyViewsSettings | None = None,
    watch: Progress | None = None,
    keep: Keep | None = None,
    threads: int = 1,
    stop: Event | None = None,
) -> PhasedTogether:
    """Phase the merge of all patterns, and that of each half.

    Parameters
    ----------
    halves : From `merge_halves`.
    starts : Coarse maps on the merges' grid.
    mass_kda : Mass of the molecule, from which its volume follows [kDa].
    keep : Asked for every run, so that a killed process need not do it again.
    threads : Runs at the same time; any number gives the same maps.
    stop : Set after an interruption; `watch` can look at it, and end the other runs by raising.

    Raises
    ------
    ConfigError : The mass is not positive.
    InputError : A coarse map lies on another grid.
    """
    settings = settings or ManyViewsSettings()
    if not mass_kda > 0:
        raise ConfigError(f"the mass is {mass_kda:g} kDa; give that of the molecule")
    grid = halves[0].grid
    for volume in (starts.full, starts.half1, starts.half2):
        if tuple(volume.shape) != (grid.pixels,) * 3:
            raise InputError(
                f"the coarse map has {tuple(volume.shape)} voxels and the merged patterns "
                f"{(grid.pixels,) * 3}; resample it to a box of {grid.box_angstrom:g} Å"
            )
    molecule = molecule_volume(mass_kda)
    free = free_regions(grid, molecule, settings).to(starts.full.device)
    both, once = added(*halves), settings.extension
    # Other noise in the starts of the second half: equal noise would count as agreement.
    other = replace_seed(once, once.seed + once.starts)
    parts = {
        "map": (starts.full, both, once),
        "half1": (starts.half1, halves[0], once),
        "half2": (starts.half2, halves[1], other),
    }

    def run(job: tuple[str, int]) -> Extended:
        (name, number), (start, merged, extension) = job, parts[job[0]]

        def tell(record: CycleRecord, volume: Volume) -> None:
            if watch is not None:
                watch(name, number, record, volume)

        def make() -> Extended:
            return extend_once(start, merged, free, molecule, extension, number, tell)

        return make() if keep is None else keep(name, number, make)

    jobs = [(name, number) for name in parts for number in range(once.starts)]
    runs = list(in_order(run, jobs, threads, stop))
    full, half1, half2 = (
        averaged(runs[place * once.starts : (place + 1) * once.starts], merged)
        for place, (_, merged, _) in enumerate(parts.values())
    )
    return PhasedTogether(grid, full, half1, half2, both, free)


def molecule_volume(mass_kda: float) -> float:
    """Volume of a protein of a mass [Å3]."""
    return mass_kda * 1e3 * PROTEIN_ANGSTROM3_PER_DALTON


def free_regions(
    grid: Grid, molecule_angstrom3: float, settings: ManyViewsSettings
) -> Bool[Tensor, "z y half_x"]:
    """Draw the free reflections, in regions as wide as the intensity's features."""
    width = width_for(grid, SPHERE_DIAMETER * molecule_angstrom3 ** (1 / 3))
    return FreeRegions(settings.free_fraction, settings.free_seed, width).mask(grid)


def replace_seed(settings: ExtensionSettings, seed: int) -> ExtensionSettings:
    """Return the settings with another seed."""
    return settings.model_copy(update={"seed": seed})
