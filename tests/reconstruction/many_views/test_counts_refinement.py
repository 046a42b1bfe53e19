"""Refinement against counts: closer to the truth, and stopped where it would fit noise."""

from collections.abc import Callable
from functools import lru_cache

import pytest
import torch
from made_up_patterns import (
    ATOMS,
    BOX,
    DALTONS_PER_ATOM,
    LIMIT,
    counted,
    grid,
    of_values,
    patterns,
    truth,
)

from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.agreement import transform
from diffragan.reconstruction.many_views.counts_refinement import (
    CountsRefined,
    CountsSettings,
    refine_against_counts,
)
from diffragan.reconstruction.many_views.extension import Extended, extend_phases
from diffragan.reconstruction.many_views.free_regions import FreeRegions
from diffragan.reconstruction.many_views.merged_counts import MergedCounts
from diffragan.reconstruction.many_views.merging import Merged, merge
from diffragan.reconstruction.many_views.pattern_counts import PatternCounts
from diffragan.reconstruction.many_views.pattern_refinement import (
    MergedHalf,
    joined,
    refined_by_patterns,
)
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.pipeline import (
    ManyViewsSettings,
    PhasedTogether,
    Starts,
    merge_halves,
    phase_together,
)
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.typing import Tensor

MOLECULE = ATOMS * DALTONS_PER_ATOM * 1.21
PROJECTIONS = ExtensionSettings(stages=3, cycles=2, likelihood_rounds=0)
ROUNDS = CountsSettings(rounds=8)


def _fsc(volume: Tensor) -> float:
    curve = fourier_shell_correlation(volume, truth(), grid())[1]
    return float(curve[2 : int(LIMIT * BOX)].mean())


@lru_cache
def _free() -> Tensor:
    return FreeRegions(0.05, 0, 3).mask(grid())


def _extended(some: PatternSet, settings: ExtensionSettings) -> tuple[Extended, Merged]:
    merged = merge(some, grid(), LIMIT)
    start = coarse_map(truth(), grid(), 5.0, noise=0.5, seed=1)
    return extend_phases(start, merged, _free(), MOLECULE, settings), merged


@pytest.fixture(scope="module")
def some() -> PatternSet:
    return counted(2e3)


@pytest.fixture(scope="module")
def projected(some: PatternSet) -> tuple[Extended, Merged]:
    return _extended(some, PROJECTIONS)


def test_the_likelihood_brings_the_map_closer_to_the_truth_than_projections(
    some: PatternSet, projected: tuple[Extended, Merged]
) -> None:
    refined, _ = _extended(some, PROJECTIONS.model_copy(update={"likelihood_rounds": 8}))
    assert _fsc(refined.volume) > _fsc(projected[0].volume) + 0.02
    assert refined.chosen == len(projected[0].records)
    before, after = refined.records[-2:]
    assert after.iteration > before.iteration
    assert after.r_factors.free_gain > before.r_factors.free_gain


def _by_patterns(some: PatternSet, projected: tuple[Extended, Merged]) -> CountsRefined:
    extended, merged = projected
    likelihood = PatternCounts(some, merged, _free())
    return refine_against_counts(extended.volume, extended.support, likelihood, ROUNDS)


def test_patterns_do_so_too(some: PatternSet, projected: tuple[Extended, Merged]) -> None:
    refined = _by_patterns(some, projected)
    assert refined.chosen > 0
    assert refined.scores[refined.chosen].free_gain > refined.scores[0].free_gain
    assert _fsc(refined.volume) > _fsc(projected[0].volume) + 0.02


def test_exact_patterns_do_so_too() -> None:
    some = patterns()
    projected = _extended(some, PROJECTIONS)
    assert _fsc(_by_patterns(some, projected).volume) > _fsc(projected[0].volume) + 0.01


def test_one_batch_after_another_is_as_good(
    some: PatternSet, projected: tuple[Extended, Merged], monkeypatch: pytest.MonkeyPatch
) -> None:
    extended, merged = projected
    few = some.only(range(8))
    whole, score = PatternCounts(few, merged, _free()).slope(extended.volume)
    monkeypatch.setattr("diffragan.reconstruction.many_views.pattern_counts.BATCH", 3)
    parts, same = PatternCounts(few, merged, _free()).slope(extended.volume)
    assert torch.allclose(whole, parts, atol=1e-3 * float(whole.abs().max()))
    assert score.free_gain == pytest.approx(same.free_gain, rel=1e-4)


def test_the_slope_of_merged_counts_is_that_of_finite_differences(
    projected: tuple[Extended, Merged],
) -> None:
    merged = projected[1]
    likelihood = MergedCounts(merged, torch.zeros_like(_free()))
    volume, voxel = truth(), grid().pixel_angstrom ** 3
    way = torch.randn(volume.shape, generator=torch.Generator().manual_seed(1)) * (volume > 5)
    slope, _ = likelihood.slope(volume)
    # Each sample of the half transform stands for its mate too, those of the plane x = 0 do not.
    times = torch.full((slope.shape[-1],), 1.0)
    times[0] = times[-1] = 0.5
    along = (slope.conj() * transform(way, voxel)).real * times

    def loss(step: float) -> float:
        seen = likelihood._smeared(transform(volume + step * way, voxel).abs().square())
        rate = 0.98 * merged.expected * seen.clamp(min=0) + 0.02 * likelihood.even
        each = torch.where(merged.known, rate - torch.xlogy(merged.values, rate), 0.0)
        return float((each * times).sum())

    found = (loss(0.1) - loss(-0.1)) / 0.2
    assert float(along.double().sum()) == pytest.approx(found, rel=0.05)


def test_free_reflections_stop_the_fit_of_noise(projected: tuple[Extended, Merged]) -> None:
    like = counted(1e3)
    generator = torch.Generator().manual_seed(4)
    noise = torch.poisson(torch.full((40, len(like.pixels.points)), 2.0), generator=generator)
    merged = merge(of_values(noise, like, counted=True), grid(), LIMIT)
    likelihood = MergedCounts(merged, _free())
    extended = projected[0]
    refined = refine_against_counts(
        extended.volume, extended.support, likelihood, CountsSettings(rounds=30)
    )
    assert len(refined.scores) < 31
    assert refined.scores[refined.chosen].free_gain < 0.01


def test_all_three_maps_are_refined_each_against_its_own_patterns(some: PatternSet) -> None:
    settings = ManyViewsSettings(extension=PROJECTIONS)
    halves = merge_halves(some, grid(), LIMIT, scale_rounds=0)
    start = coarse_map(truth(), grid(), 5.0, noise=0.5, seed=1)
    first = phase_together(halves, Starts.shared(start), MOLECULE / 1210, settings)
    parts = [MergedHalf(*pair) for pair in zip(some.halves(), halves, strict=True)]
    told: list[str] = []
    kept: dict[str, Extended] = {}

    def keep(name: str, make: Callable[[], Extended]) -> Extended:
        kept[name] = kept.get(name) or make()
        return kept[name]

    def refined() -> PhasedTogether:
        return refined_by_patterns(
            first,
            (parts[0], parts[1]),
            CountsSettings(rounds=4),
            lambda name, _: told.append(name),
            keep,
        )

    better = refined()
    assert set(told) == {"map", "half1", "half2"}
    told.clear()
    assert torch.equal(refined().half2.volume, better.half2.volume)
    assert not told
    for name in ("full", "half1", "half2"):
        before, after = getattr(first, name), getattr(better, name)
        assert _fsc(after.volume) > _fsc(before.volume)
        assert after.runs[0].chosen == len(before.runs[0].records)
    assert joined(*some.halves()).kept == some.kept
