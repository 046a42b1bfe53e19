"""Faults that the benchmark of robustness makes are what their names say, and nothing else."""

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from made_up_patterns import counted, of_values, patterns

from diffragan.errors import InputError

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def faults() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("many_views_faults")


def test_a_centre_that_is_right_only_loses_the_rim(faults: ModuleType) -> None:
    exact = patterns()
    same = faults.off_centre(exact, 0.0, seed=1)
    where = torch.isin(exact.pixels.places, same.pixels.places)
    assert 0.3 < where.double().mean() < 1
    values = exact.read([0, 3])
    assert torch.allclose(same.read([0, 3]), values[:, where], rtol=1e-4, atol=1e-9)
    moved = faults.off_centre(exact, 1.0, seed=1)
    assert moved.pixels.places.equal(same.pixels.places)
    assert moved.read([3]).equal(moved.read([2, 3])[1:])
    assert not torch.allclose(moved.read([0]), same.read([0]), rtol=0.05)
    with pytest.raises(InputError, match="parts of a pixel"):
        faults.off_centre(counted(2e4), 1.0, seed=1)


def test_a_larger_stop_and_another_camera_length_move_no_values(faults: ModuleType) -> None:
    exact = patterns()
    less = faults.without_middle(exact, 0.1)
    assert less.pixels.points[:, :2].norm(dim=1).min() > 0.1
    assert less.read([1]).shape[1] == len(less.pixels.points)
    with pytest.raises(InputError, match="hides all data"):
        faults.without_middle(exact, 5.0)
    longer = faults.wrong_camera(exact, 5.0)
    assert torch.allclose(longer.pixels.points[:, 0], 1.05 * exact.pixels.points[:, 0])
    assert torch.allclose(longer.pixels.points[:, 2], 1.05**2 * exact.pixels.points[:, 2])


def test_strangers_take_the_place_of_as_many_in_either_half(faults: ModuleType) -> None:
    own, others = patterns(), patterns(seed=6)
    mixed = faults.with_strangers(own, others, 0.2)
    strangers = faults.strangers_among(own, 0.2)
    assert len(strangers) == 8
    assert sum(number % 2 for number in strangers) == 4
    values = mixed.read(mixed.kept)
    changed = [n for n in own.kept if not values[n].equal(own.read([n])[0])]
    assert changed == strangers
    shorter = replace(others.pixels, places=others.pixels.places[1:])
    with pytest.raises(InputError, match="not measured at the pixels"):
        faults.with_strangers(own, replace(others, pixels=shorter), 0.2)


def test_ice_is_what_it_adds_to_the_rings(faults: ModuleType) -> None:
    dry = patterns()
    more = 1e-6 * (2 - dry.pixels.points[:, :2].norm(dim=1))
    wet = of_values(dry.read(dry.kept) + more, dry)
    ice = faults.mean_of_ice(dry, wet)
    assert torch.allclose(ice, more, rtol=0.02)
    told = faults.in_ice(dry, ice, 2.0, told=True)
    assert torch.allclose(told.read([5]), dry.read([5]) + 2 * ice)
    assert torch.allclose(told.background.of([5])[0], 2 * ice.double())
    assert faults.in_ice(dry, ice, 2.0, told=False).background is None
