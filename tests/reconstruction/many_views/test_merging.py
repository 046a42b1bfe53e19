"""Merging: constants stay, order does not matter, and the variance is that of counting."""

from dataclasses import replace

import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, of_values, patterns, truth

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.merging import Merger, added, merge
from diffragan.reconstruction.many_views.scales import relative_scales, rescaled


def test_an_even_intensity_stays_even() -> None:
    some = patterns(6)
    values = torch.full_like(some.read(some.kept), 7.0) * float(some.expected[0])
    merged = merge(of_values(values, some), grid(), LIMIT)
    assert torch.allclose(merged.intensity[merged.known], torch.tensor(7.0))


def test_merged_moduli_are_those_of_the_truth() -> None:
    merged = merge(patterns(), grid(), LIMIT)
    true = torch.fft.rfftn(truth()).abs() * grid().pixel_angstrom ** 3
    pair = torch.stack([merged.intensity.sqrt()[merged.known], true[merged.known]])
    assert torch.corrcoef(pair)[0, 1] > 0.97
    assert float(pair[0].square().sum() / pair[1].square().sum()) == pytest.approx(1, abs=0.06)


def test_halves_add_up_to_the_whole() -> None:
    some = patterns(6)
    first, second = (merge(half, grid(), LIMIT) for half in some.halves())
    whole, sum_ = merge(some, grid(), LIMIT), added(first, second)
    assert torch.allclose(whole.values, sum_.values)
    assert torch.allclose(whole.expected, sum_.expected)
    assert whole.views == sum_.views == 6


def test_the_size_of_batches_does_not_matter() -> None:
    some = patterns(6)
    merger = Merger(grid())
    for batch in some.batches(1):
        merger.add(batch, some.pixels.points)
    assert torch.equal(merger.merged(False, LIMIT).values, merge(some, grid(), LIMIT).values)


def test_the_variance_is_that_of_counting() -> None:
    some = patterns(6)
    mean = torch.full_like(some.read(some.kept), 3.0)
    unit = replace(some, expected=torch.full_like(some.expected, 3.0))
    drawn = []
    generator = torch.Generator().manual_seed(2)
    for _ in range(40):
        values = torch.poisson(mean, generator=generator)
        merged = merge(of_values(values, unit, counted=True), grid(), LIMIT)
        drawn.append(merged.intensity)
    found = torch.stack(drawn).var(0)
    foretold = merged.squares / merged.expected.clamp(min=1e-9) ** 2
    # Samples that Friedel mates share get one count twice, which the plane x = 0 alone has.
    inside = merged.known.clone()
    inside[..., 0] = False
    ratio = found[inside] / foretold[inside]
    assert float(ratio.mean()) == pytest.approx(1, abs=0.05)


def test_brightness_is_found() -> None:
    some = patterns(12)
    bright = torch.linspace(0.7, 1.3, 12)
    values = some.read(some.kept) * bright[:, None]
    other = of_values(values, some)
    for _ in range(3):
        scales = relative_scales(other, merge(other, grid(), LIMIT))
        other = rescaled(other, scales)
    found = other.expected / some.expected
    assert torch.allclose(found.float(), bright, atol=0.08)


def test_nothing_to_merge() -> None:
    with pytest.raises(InputError, match="no pattern is left"):
        merge(counted(100, 4).only(()), grid(), LIMIT)
    with pytest.raises(InputError, match="one half set"):
        patterns(4).only((0, 2)).halves()
