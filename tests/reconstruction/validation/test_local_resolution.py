"""Local resolution tells places apart, and agrees with the global one where all are alike."""

import pytest
import torch
from made_maps import noise, radii

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.validation.gold_standard import gold_standard
from diffragan.reconstruction.validation.local_resolution import local_resolution
from diffragan.reconstruction.validation.shells import low_passed


@pytest.mark.parametrize("pixels", [48, 45])
def test_everywhere_alike_is_the_global_resolution(pixels: int) -> None:
    grid = Grid(pixels, 1.5 * pixels)
    signal = 4 * low_passed(noise(pixels, 0), grid, 7.0)
    halves = [signal + noise(pixels, seed) for seed in (1, 2)]
    found = local_resolution(halves[0], halves[1], grid)
    overall = gold_standard(halves[0], halves[1], grid).resolution("unmasked")
    assert overall is not None
    assert float(found.median()) == pytest.approx(overall, rel=0.12)
    assert found.shape == (pixels,) * 3


def test_a_blurred_side_is_coarser() -> None:
    grid = Grid(64, 96.0)
    sharp = 2 * low_passed(noise(64, 0), grid, 4.5)
    x = torch.arange(64) - 32
    left = torch.sigmoid(-x.double())
    signal = left * sharp + (1 - left) * low_passed(sharp, grid, 10.0)
    found = local_resolution(signal + noise(64, 1), signal + noise(64, 2), grid)
    assert float(found[..., 14:18].median()) < 5.5
    assert float(found[..., 46:50].median()) > 7.5


def test_outside_the_mask_it_is_zero_and_a_copy_reaches_the_finest_band() -> None:
    grid = Grid(32, 64.0)
    mask = (radii(grid) < 20).float()
    found = local_resolution(noise(32, 0), noise(32, 0), grid, mask)
    assert torch.equal(found > 0, mask > 0.5)
    assert found[mask > 0.5].max() < 2.2 * 2 * grid.pixel_angstrom


def test_maps_of_other_sizes_are_refused() -> None:
    grid = Grid(32, 64.0)
    with pytest.raises(InputError, match="the mask has 16"):
        local_resolution(noise(32, 0), noise(32, 1), grid, noise(16, 0))
    with pytest.raises(InputError, match="second half map has 16"):
        local_resolution(noise(32, 0), noise(16, 1), grid)
