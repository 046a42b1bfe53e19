"""Moduli from counts: sure ones bind, and what nobody counted is the shell's."""

import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, patterns

from diffragan.errors import ConfigError
from diffragan.reconstruction.many_views.free_regions import FreeRegions, width_for
from diffragan.reconstruction.many_views.lattice import with_mates
from diffragan.reconstruction.many_views.merging import merge
from diffragan.reconstruction.many_views.moduli import expected_moduli


def test_many_counts_give_the_exact_modulus() -> None:
    exact = expected_moduli(merge(patterns(8), grid(), LIMIT))
    sure = expected_moduli(merge(counted(1e9, 8), grid(), LIMIT))
    close = (sure.modulus - exact.modulus).abs() < 0.02 * exact.modulus.max()
    assert close.all()
    assert sure.trust[exact.trust > 0].mean() > 0.99


def test_few_counts_bind_little() -> None:
    few = expected_moduli(merge(counted(30, 8), grid(), LIMIT))
    more = expected_moduli(merge(counted(3000, 8), grid(), LIMIT))
    assert few.trust.mean() < more.trust.mean()
    assert few.trust.min() >= 0
    assert few.trust.max() <= 1


def test_free_regions_hold_mates_together_and_have_their_share() -> None:
    free = FreeRegions(0.1, 0, 3).mask(grid())
    inner = free.clone()
    half = grid().pixels // 2
    inner[half] = inner[:, half] = False  # the Nyquist frequency is its own mate, beyond all data
    assert torch.equal(with_mates(inner[..., :1].float()) > 0, inner[..., :1])
    assert float(free.float().mean()) == pytest.approx(0.1, abs=0.03)
    assert not free[0, 0, 0]
    assert torch.equal(free, FreeRegions(0.1, 0, 3).mask(grid()))


def test_regions_are_whole_cubes() -> None:
    free = FreeRegions(0.2, 1, 3).mask(grid())
    cube = free[2:5, 2:5, 2:5]
    assert cube.all() or not cube.any()


def test_regions_that_make_no_sense() -> None:
    with pytest.raises(ConfigError, match="free fraction"):
        FreeRegions(0.7)
    with pytest.raises(ConfigError, match="odd"):
        FreeRegions(0.1, 0, 4)
    assert width_for(grid(), 18) % 2 == 1
