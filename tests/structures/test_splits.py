"""Laws of a split: clusters stay whole, sizes and masses are balanced, order does not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffragan.errors import ConfigError, InputError
from diffragan.structures.splits import SPLITS, assign

SIZES = st.lists(st.integers(1, 6), min_size=3, max_size=40)


def clusters_of(sizes: list[int]) -> list[list[int]]:
    ends = np.cumsum(sizes)
    return [list(range(end - size, end)) for size, end in zip(sizes, ends, strict=True)]


def names_and_masses(count: int, seed: int = 0) -> tuple[list[str], list[float]]:
    masses = np.random.default_rng(seed).uniform(5, 60, count)
    return [f"m{place:03d}" for place in range(count)], list(masses)


@given(SIZES, st.integers(0, 1000))
def test_clusters_stay_whole_and_no_split_is_empty(sizes: list[int], seed: int) -> None:
    clusters = clusters_of(sizes)
    splits = assign(clusters, *names_and_masses(sum(sizes)), seed=seed)
    assert all(len({splits[place] for place in members}) == 1 for members in clusters)
    assert set(splits) == set(SPLITS)


@given(st.integers(50, 300), st.integers(0, 1000))
def test_numbers_are_the_fractions_within_two(count: int, seed: int) -> None:
    names, masses = names_and_masses(count, seed)
    splits = assign(clusters_of([1] * count), names, masses, seed=seed)
    for split, fraction in zip(SPLITS, (0.8, 0.1, 0.1), strict=True):
        assert abs(splits.count(split) - fraction * count) <= 2


@given(st.integers(0, 1000))
def test_light_and_heavy_are_in_every_split(seed: int) -> None:
    names, masses = names_and_masses(200, seed)
    splits = assign(clusters_of([1] * 200), names, masses, seed=seed)
    for split in SPLITS:
        own = [mass for mass, its in zip(masses, splits, strict=True) if its == split]
        assert np.mean(own) == pytest.approx(np.mean(masses), rel=0.1)
        assert min(own) < np.quantile(masses, 0.2)
        assert max(own) > np.quantile(masses, 0.8)


@given(SIZES, st.randoms(use_true_random=False))
def test_the_order_of_the_molecules_does_not_matter(sizes: list[int], draw) -> None:  # type: ignore[no-untyped-def]
    names, masses = names_and_masses(sum(sizes))
    clusters = clusters_of(sizes)
    order = list(range(len(names)))
    draw.shuffle(order)
    moved = [[order.index(place) for place in members] for members in clusters]
    draw.shuffle(moved)
    there = assign(moved, [names[place] for place in order], [masses[place] for place in order])
    here = assign(clusters, names, masses)
    assert [there[order.index(place)] for place in range(len(names))] == here


def test_the_seed_decides() -> None:
    names, masses = names_and_masses(60)
    drawn = [assign(clusters_of([1] * 60), names, masses, seed=seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_largest_family_trains() -> None:
    names, masses = names_and_masses(20)
    assert assign(clusters_of([12] + [1] * 8), names, masses)[:12] == ["train"] * 12


def test_a_fraction_of_zero_leaves_a_split_out() -> None:
    splits = assign(clusters_of([1] * 20), *names_and_masses(20), fractions=(0.9, 0, 0.1))
    assert [splits.count(split) for split in SPLITS] == [18, 0, 2]


def test_molecules_of_one_mass() -> None:
    splits = assign(clusters_of([1] * 40), names_and_masses(40)[0], [10.0] * 40)
    assert [splits.count(split) for split in SPLITS] == [32, 4, 4]


def test_too_few_clusters() -> None:
    with pytest.raises(InputError, match="7 in 2 clusters of relatives, but 3 splits"):
        assign(clusters_of([6, 1]), *names_and_masses(7))


@pytest.mark.parametrize(
    ("fractions", "words"),
    [
        ((0.8, 0.1, 0.2), "sum to 1.1; they must sum to 1"),
        ((1.2, -0.1, -0.1), "give three from 0 to 1 for train, validation, test"),
        ((float("nan"), 0.5, 0.5), "give three from 0 to 1"),
        ((80, 10, 10), "give three from 0 to 1"),
        ((0.5, 0.5), "give three"),
    ],
)
def test_fractions_that_are_none(fractions: tuple[float, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        assign(clusters_of([1] * 9), *names_and_masses(9), fractions=fractions)


def test_a_negative_seed() -> None:
    with pytest.raises(ConfigError, match="the seed is -1"):
        assign(clusters_of([1] * 9), *names_and_masses(9), seed=-1)
