"""Backgrounds: known ones are expected in the merge, and noise keeps its variance."""

from dataclasses import replace

import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, of_values, patterns, truth

from diffragan.errors import InputError
from diffragan.phasing.counts_over_background import posterior_moments
from diffragan.reconstruction.many_views.backgrounds import (
    even_background,
    radial_background,
)
from diffragan.reconstruction.many_views.likelihood import posterior_intensity
from diffragan.reconstruction.many_views.merging import added, merge
from diffragan.reconstruction.many_views.moduli import expected_moduli, mean_intensity
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.scales import relative_scales
from diffragan.typing import Tensor

EXPOSURE = 3e3


def _rings(some: PatternSet) -> Tensor:
    """A background that falls off, in electrons a pixel."""
    return 3 * torch.exp(-(some.pixels.points[:, :2].norm(dim=1) / 0.2))


@pytest.fixture(scope="module")
def clean() -> PatternSet:
    return counted(EXPOSURE)


@pytest.fixture(scope="module")
def clouded(clean: PatternSet) -> PatternSet:
    """Counts of the same molecule, and more from elsewhere."""
    level = _rings(clean).expand(len(clean), -1)
    more = torch.poisson(level, generator=torch.Generator().manual_seed(9))
    return of_values(clean.read(clean.kept) + more, clean, counted=True)


@pytest.fixture(scope="module")
def told(clouded: PatternSet) -> PatternSet:
    """The same with the background as blank frames tell it."""
    level = _rings(clouded).expand(len(clouded), -1)
    frames = torch.poisson(level, generator=torch.Generator().manual_seed(10))
    blanks = of_values(frames, clouded, counted=True)
    return replace(clouded, background=radial_background(blanks, clouded))


def test_blank_frames_tell_the_background(told: PatternSet) -> None:
    assert told.background is not None
    found = told.background.of([0, 1])
    assert found.shape == (2, len(told.pixels.points))
    assert float((found - _rings(told)).abs().mean()) < 0.1


def test_a_longer_exposure_has_more_of_it(told: PatternSet) -> None:
    twice = replace(told, expected=told.expected * torch.linspace(1, 2, 40))
    found = radial_background(told, twice).of([0, 39]).sum(1)
    assert float(found[1] / found[0]) == pytest.approx(2)


def test_the_merge_is_that_of_the_molecule(clean: PatternSet, told: PatternSet) -> None:
    alone, less = (mean_intensity(merge(some, grid(), LIMIT)) for some in (clean, told))
    ignored = mean_intensity(merge(replace(told, background=None), grid(), LIMIT))
    assert torch.allclose(less[2:16], alone[2:16], rtol=0.06)
    assert (ignored[2:16] > 1.05 * alone[2:16]).any()


def test_counts_keep_their_variance(told: PatternSet) -> None:
    merged = merge(told, grid(), LIMIT)
    halves = [merge(half, grid(), LIMIT) for half in told.halves()]
    both = added(*halves)
    assert both.background is not None
    assert merged.background is not None
    assert torch.allclose(both.background, merged.background)
    assert torch.equal(merged.signal + merged.background, merged.values)
    assert (merged.values >= 0).all()
    assert (merged.intensity >= 0).all()


def test_moduli_come_closer_to_the_truth(told: PatternSet) -> None:
    true = torch.fft.rfftn(truth()).abs() * grid().pixel_angstrom ** 3
    wrong = []
    for some in (told, replace(told, background=None)):
        merged = merge(some, grid(), LIMIT)
        moduli = expected_moduli(merged)
        seen = merged.known & (moduli.modulus > 0)
        wrong.append(float((moduli.modulus - true)[seen].abs().sum() / true[seen].sum()))
        assert (moduli.trust >= 0).all()
        assert (moduli.trust <= 1).all()
        assert (posterior_intensity(merged)[seen] > 0).all()
    assert wrong[0] < 0.9 * wrong[1]


def test_brightness_leaves_the_background_out(told: PatternSet) -> None:
    scales = relative_scales(told, merge(told, grid(), LIMIT))
    assert torch.allclose(scales, torch.ones_like(scales), atol=0.15)


def test_without_a_background_the_moments_are_those_of_a_gamma_distribution() -> None:
    counts = torch.tensor([0.0, 0.5, 3.0, 40.0, 1e5], dtype=torch.float64)
    expected, shell = torch.full_like(counts, 2.0), torch.full_like(counts, 5.0)
    modulus, mean = posterior_moments(counts, expected, torch.zeros_like(counts), shell)
    rate = expected + 1 / shell
    assert torch.allclose(mean, (counts + 1) / rate, rtol=1e-2)
    exact = torch.exp(torch.lgamma(counts + 1.5) - torch.lgamma(counts + 1)) / rate.sqrt()
    assert torch.allclose(modulus, exact, rtol=1e-2)


def test_moments_are_those_of_a_fine_integral() -> None:
    axis = torch.linspace(0, 60, 200_001, dtype=torch.float64)
    for counts, background in ((0.0, 3.0), (2.0, 9.0), (12.0, 9.0), (30.0, 0.5)):
        density = torch.exp(counts * torch.log(2 * axis + background + 1e-12) - axis * (2 + 1 / 5))
        density = density / density.sum()
        one = torch.ones(1, dtype=torch.float64)
        found = posterior_moments(counts * one, 2 * one, background * one, 5 * one)
        assert float(found[0]) == pytest.approx(float((axis.sqrt() * density).sum()), rel=1e-2)
        assert float(found[1]) == pytest.approx(float((axis * density).sum()), rel=1e-2)


def test_what_is_no_background() -> None:
    some = patterns(4)
    with pytest.raises(InputError, match="negative or not finite"):
        even_background(-1.0, some)
    with pytest.raises(InputError, match="give one for each"):
        even_background([1.0, 2.0], some)
    with pytest.raises(InputError, match="no frame is left"):
        radial_background(some.only(()), some)
    few = replace(some.pixels, places=some.pixels.places[:-1])
    with pytest.raises(InputError, match="other pixels"):
        radial_background(replace(some, pixels=few), some)
    assert float(even_background(0.5, some).of([2]).mean()) == pytest.approx(0.5)
