"""Laws of half-map correlation, its mask, and the correction for the mask."""

import pytest
import torch
from made_maps import noise, radii

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.validation.gold_standard import gold_standard
from diffragan.reconstruction.validation.masks import otsu_threshold, soft_mask, sphere_mask
from diffragan.reconstruction.validation.phase_randomisation import (
    corrected_correlation,
    randomise_phases,
)
from diffragan.reconstruction.validation.shells import low_passed

GRID = Grid(48, 60.0)
TIGHT = sphere_mask(GRID, 8.0, 2.0)


def test_a_map_correlates_with_itself_fully_in_a_mask_and_after_the_correction() -> None:
    volume = noise(48, 0)
    found = gold_standard(volume, volume, GRID, TIGHT)
    for curve in (found.unmasked, found.masked, found.corrected):
        assert curve is not None
        torch.testing.assert_close(curve, torch.ones_like(curve))
    assert found.resolution_angstrom is None
    assert found.randomised_from_angstrom is None


def test_a_tight_mask_makes_correlation_of_coarse_signal_that_the_correction_takes_away() -> None:
    # Signal to 12 Å alone: whatever correlates beyond is the mask's work.
    signal = 30 * low_passed(noise(48, 0) * sphere_mask(GRID, 15.0), GRID, 12.0)
    found = gold_standard(signal + noise(48, 1), signal + noise(48, 2), GRID, TIGHT)
    assert found.masked is not None
    assert found.phase_randomised is not None
    assert found.corrected is not None
    beyond = found.frequency_per_angstrom > 1 / 6.0
    assert found.unmasked[beyond].abs().mean() < 0.1
    assert found.phase_randomised[beyond].abs().mean() < 0.2
    resolution = found.resolution("corrected")
    assert resolution is not None
    assert 7.0 < resolution < 15.0
    assert found.resolution_angstrom == resolution


def test_phase_randomised_noise_does_not_correlate() -> None:
    found = gold_standard(noise(48, 1), noise(48, 2), GRID, sphere_mask(GRID, 25.0))
    assert found.phase_randomised is not None
    assert found.phase_randomised[4:].abs().max() < 0.3
    assert found.phase_randomised[4:].abs().mean() < 0.08


def test_randomised_phases_keep_moduli_and_coarse_shells() -> None:
    volume = noise(24, 0)
    found = randomise_phases(volume, 6, seed=1)
    before, after = torch.fft.fftn(volume), torch.fft.fftn(found)
    torch.testing.assert_close(after.abs(), before.abs())
    torch.testing.assert_close(after[0, 0, :6], before[0, 0, :6])
    assert (after - before).abs().mean() > 0.5 * before.abs().mean()
    assert not torch.equal(found, randomise_phases(volume, 6, seed=2))
    torch.testing.assert_close(found, randomise_phases(volume, 6, seed=1))


def test_the_correction_is_chens_formula() -> None:
    masked = torch.tensor([1.0, 0.9, 0.8, 0.7, 0.6, 0.3])
    made = torch.tensor([1.0, 0.9, 0.8, 0.5, 0.2, 0.4])
    found = corrected_correlation(masked, made, first_shell=1)
    expected = torch.tensor([1.0, 0.9, 0.8, (0.7 - 0.5) / 0.5, (0.6 - 0.2) / 0.8, 0.0])
    torch.testing.assert_close(found, expected)


def test_a_mask_holds_the_body_with_a_soft_edge() -> None:
    ball = (radii(GRID) < 14).double() + 0.05 * noise(48, 0)
    mask = soft_mask(ball, GRID, grow_angstrom=3.0, edge_angstrom=6.0)
    radius = radii(GRID)
    assert mask[radius < 13].min() == 1
    assert mask[radius > 26].max() == 0
    edge = mask[(mask > 0) & (mask < 1)]
    assert len(edge) > 500
    assert float(mask.max()) == 1


def test_a_mask_leaves_specks_out() -> None:
    ball = (radii(GRID) < 14).double()
    ball[2:5, 2:5, 2:5] = 1
    assert soft_mask(ball, GRID, threshold=0.02)[:8, :8, :8].max() == 0


def test_otsu_parts_two_heaps() -> None:
    random = torch.Generator().manual_seed(0)
    low, high = torch.randn(900, generator=random), 10 + torch.randn(100, generator=random)
    threshold = otsu_threshold(torch.cat([low, high]).numpy())
    # The middle of the empty gap, or any place in it: they part the values alike.
    assert float(low.max()) <= threshold + 0.1
    assert threshold - 0.1 <= float(high.min())


def test_bad_maps_are_named() -> None:
    good, flat, hole = noise(48, 0), torch.ones(48, 48, 48), noise(48, 0)
    hole[3, 3, 3] = torch.nan
    with pytest.raises(InputError, match="second half map has 24 x 24 x 24 voxels where 48 x 48"):
        gold_standard(good, noise(24, 1), GRID)
    with pytest.raises(InputError, match="first half map holds values that are not finite"):
        gold_standard(hole, good, GRID)
    with pytest.raises(InputError, match="the same value everywhere"):
        gold_standard(good, flat, GRID)
    with pytest.raises(InputError, match="the mask has 24"):
        gold_standard(good, good, GRID, noise(24, 1))
    with pytest.raises(InputError, match="above the mask's threshold"):
        soft_mask(good, GRID, threshold=1e6)
