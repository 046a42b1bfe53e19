"""Merged moduli are those of the molecule once interpolation is taken off."""

import torch
from made_up_patterns import grid, patterns, truth

from diffragan.reconstruction.many_views.interpolation import mean_over_own, without_interpolation
from diffragan.reconstruction.many_views.lattice import frequency
from diffragan.reconstruction.many_views.merging import Merged, merge
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.supports import densest, widened
from diffragan.typing import Tensor

LIMIT = 0.38
VIEWS = 40


def _error(merged: Merged) -> float:
    """Of the moduli, relative to the true ones."""
    true = torch.fft.rfftn(truth()).abs() * grid().pixel_angstrom ** 3
    chosen = merged.known & (frequency(grid()) > 0.1)
    difference: Tensor = (merged.intensity.sqrt() - true)[chosen]
    return float(difference.norm() / true[chosen].norm())


def test_moduli_are_nearer_to_the_truth_by_a_noisy_map() -> None:
    some = patterns(VIEWS)
    merged = merge(some, grid(), LIMIT)
    noisy = coarse_map(truth(), grid(), 1 / LIMIT, noise=0.2, seed=4)
    support = widened(densest(truth(), 2300.0, 1.5, grid()), 2.0, grid())
    corrected = without_interpolation(merged, some, noisy, support)
    assert _error(corrected) < 0.6 * _error(merged)


def test_what_was_not_measured_is_left_alone() -> None:
    some = patterns(VIEWS)
    merged = merge(some, grid(), LIMIT)
    ratio = mean_over_own(merged, some, truth())
    assert torch.equal(ratio[~merged.known], torch.ones_like(ratio[~merged.known]))
    assert float(ratio[merged.known].std()) > 0
