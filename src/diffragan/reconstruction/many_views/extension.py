"""Phase extension: from a coarse map, through ever finer moduli, to the end of the data.

Within the limit reached so far the map takes the measured moduli; beyond it, it is free. Its
support is drawn anew from itself after every cycle, ever more closely.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from diffragan.reconstruction.many_views.agreement import Judge, RFactors
from diffragan.reconstruction.many_views.constraints import STEPS, Constraints, error_reduction
from diffragan.reconstruction.many_views.counts_refinement import (
    CountsSettings,
    refine_against_counts,
)
from diffragan.reconstruction.many_views.histograms import (
    matched,
    molecule_core,
    protein_histograms,
)
from diffragan.reconstruction.many_views.lattice import frequency, within_limit
from diffragan.reconstruction.many_views.merged_counts import MergedCounts
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.moduli import expected_moduli
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.supports import densest, widened
from diffragan.typing import Bool, Tensor, Volume

LIKELIHOOD_PATIENCE = 8
"""Rounds against merged counts, which cost little, that may foretell free ones no better: the first
ones undo what projections made of moduli, before they gain."""


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """What a cycle reached."""

    iteration: int
    limit_per_angstrom: float
    support_angstrom3: float
    r_factors: RFactors


@dataclass(frozen=True, slots=True)
class Extended:
    """A map with extended phases, and the way it came about."""

    volume: Volume
    """Origin at voxel [0, 0, 0] [V]; from the cycle that predicted the free reflections best."""
    support: Bool[Tensor, "z y x"]
    records: tuple[CycleRecord, ...]
    chosen: int
    """Which of the records is the map's."""


Watch = Callable[[CycleRecord, Volume], None]


def extend_phases(
    start: Volume,
    merged: Merged,
    free: Bool[Tensor, "z y half_x"],
    molecule_angstrom3: float,
    settings: ExtensionSettings,
    watch: Watch | None = None,
) -> Extended:
    """Extend the phases of a coarse map by the moduli of merged patterns.

    Parameters
    ----------
    start : Coarse map on the merge's grid, origin at voxel [0, 0, 0] [V].
    merged : Intensities in 3D.
    free : Reflections that are kept out and tell when to stop: more iterations fit the noise.
    molecule_angstrom3 : Volume of the molecule, as from its mass [Å3].
    watch : Told of each cycle and shown its map.
    """
    grid, moduli = merged.grid, expected_moduli(merged)
    judge, reach = Judge(merged, free), frequency(merged.grid, start.device)
    step, voxel = STEPS[settings.algorithm], merged.grid.pixel_angstrom**3
    measured_limit = merged.limit_per_angstrom

    def support_of(volume: Volume, progress: float) -> Bool[Tensor, "z y x"]:
        sigma = _between(settings.first_sigma_angstrom, settings.last_sigma_angstrom, progress)
        margin = _between(settings.first_margin_angstrom, settings.last_margin_angstrom, progress)
        return widened(densest(volume, molecule_angstrom3, sigma, grid), margin, grid)

    support = support_of(start, 0.0)
    volume = torch.where(support, start, 0.0)
    records: list[CycleRecord] = []
    best: tuple[int, Volume, Bool[Tensor, "z y x"]] | None = None
    for number, limit in enumerate(_limits(settings, measured_limit)):
        bound = moduli.within((reach <= limit) & ~free)
        constraints = Constraints(bound, support, voxel, settings.positive)
        for place in range(settings.cycle):
            settling = place >= settings.cycle - settings.error_reduction_steps
            advance = error_reduction if settling else step
            volume = advance(volume, constraints, settings.beta)
            if settling and place < settings.cycle - 1 and settings.histogram_share:
                core = molecule_core(volume, molecule_angstrom3, grid) & support
                wanted = matched(volume, core, protein_histograms().at(limit))
                volume = torch.lerp(volume, wanted, settings.histogram_share)
        record = CycleRecord(
            (number + 1) * settings.cycle,
            limit,
            float(support.sum()) * voxel,
            judge.judge(volume, limit),
        )
        records.append(record)
        if watch is not None:
            watch(record, volume)
        if limit >= measured_limit:
            gain = record.r_factors.free_gain
            if best is None or gain > records[best[0]].r_factors.free_gain:
                best = (number, constraints.measured(volume), support)
            elif number - best[0] >= settings.patience:
                break
        progress = min(1.0, (number + 1) / settings.stages)
        support = support_of(constraints.measured(volume), progress)
    assert best is not None  # the last limit is the end of the data
    chosen, found, support = best
    if settings.likelihood_rounds:
        own = CountsSettings(
            rounds=settings.likelihood_rounds,
            patience=LIKELIHOOD_PATIENCE,
            positive=settings.positive,
        )
        refined = refine_against_counts(found, support, MergedCounts(merged, free), own)
        if refined.chosen > 0:
            last, factors = records[-1], judge.judge(refined.volume, measured_limit)
            chosen, found = len(records), refined.volume
            done = last.iteration + refined.chosen
            records.append(replace(last, iteration=done, r_factors=factors))
            if watch is not None:
                watch(records[-1], found)
    # Beyond the data a map is free, and nobody's measurement.
    return Extended(within_limit(found, grid, measured_limit), support, tuple(records), chosen)


def _limits(settings: ExtensionSettings, end: float) -> Iterator[float]:
    first = min(1 / settings.start_angstrom, end)
    for stage in range(1, settings.stages):
        yield _between(first, end, stage / settings.stages)
    for _ in range(settings.cycles):
        yield end


def _between(first: float, last: float, progress: float) -> float:
    return first + (last - first) * progress
