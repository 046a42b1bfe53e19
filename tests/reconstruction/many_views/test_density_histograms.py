"""Histogram matching: a distribution is taken, order, mean and spread are kept."""

import pytest
import torch

from diffragan.reconstruction.many_views.histograms import (
    DensityHistograms,
    matched,
    protein_histograms,
    standard_quantiles,
)


def test_the_reference_is_of_mean_zero_and_skewed_to_dense_atoms() -> None:
    table = protein_histograms()
    assert len(table.limits_per_angstrom) == len(table.quantiles)
    for row in table.quantiles:
        assert bool((row.diff() >= 0).all())
        assert abs(float(row[1:-1].mean())) < 0.1
    # The finer the data, the higher atoms rise above what lies between them.
    assert bool((table.quantiles[:, -1].diff() > 0).all())


def test_limits_between_two_are_interpolated_and_beyond_the_last_it_is_taken() -> None:
    table = DensityHistograms((0.2, 0.4), torch.tensor([[-1.0, 1.0], [-2.0, 4.0]]))
    assert torch.allclose(table.at(0.3), torch.tensor([-1.5, 2.5]))
    assert torch.allclose(table.at(0.1), torch.tensor([-1.0, 1.0]))
    assert torch.allclose(table.at(0.9), torch.tensor([-2.0, 4.0]))


def test_values_keep_order_mean_and_spread_and_take_the_distribution() -> None:
    generator = torch.Generator().manual_seed(3)
    volume = torch.randn(16, 16, 16, generator=generator) * 3 + 5
    core = torch.rand(volume.shape, generator=generator) < 0.4
    wanted = standard_quantiles(torch.rand(5000, generator=generator) ** 3, 41)
    out = matched(volume, core, wanted)
    assert torch.equal(out[~core], volume[~core])
    assert torch.equal(out[core].argsort(), volume[core].argsort())
    assert float(out[core].mean()) == pytest.approx(float(volume[core].mean()), abs=0.1)
    assert float(out[core].std()) == pytest.approx(float(volume[core].std()), rel=0.02)
    found = standard_quantiles(out[core], 41)
    assert float((found - wanted)[1:-1].abs().max()) < 0.1


def test_a_matched_map_stays_as_it_is() -> None:
    values = torch.randn(12, 12, 12, generator=torch.Generator().manual_seed(4))
    core = torch.ones_like(values, dtype=torch.bool)
    once = matched(values, core, standard_quantiles(values.flatten(), 200))
    assert float((once - values).square().mean().sqrt()) < 0.05
