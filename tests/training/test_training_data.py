from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.networks import GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.triplets import TripletStore
from diffragan.training.data import (
    Views,
    batch_items,
    check_grid,
    fit_to_training_views,
    split_views,
)


def test_views_of_one_structure_are_split_by_view() -> None:
    split = split_views(np.zeros(20, int), 0.1, seed=0)
    assert len(split.validation) == 2
    assert sorted(split.training + split.validation) == list(range(20))


def test_several_structures_are_split_by_structure() -> None:
    structure = np.repeat(np.arange(5), 4)
    split = split_views(structure, 0.1, seed=0)
    assert len(split.validation) == 4
    assert not set(structure[split.training]) & set(structure[split.validation])


def test_the_split_comes_from_the_seed() -> None:
    splits = [split_views(np.zeros(40, int), 0.2, seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_both_parts_hold_something(fraction: float) -> None:
    for structure in (np.zeros(2, int), np.arange(3)):
        split = split_views(structure, fraction, seed=0)
        assert split.training
        assert split.validation


def test_one_view_is_not_enough() -> None:
    with pytest.raises(InputError, match="two or more"):
        split_views(np.zeros(1, int), 0.1, seed=0)


def test_each_epoch_shows_every_view_once_in_its_own_order() -> None:
    items = list(range(100, 110))
    shown = [item for step in range(10) for item in batch_items(items, 4, step, seed=0)]
    epochs = [shown[start : start + 10] for start in range(0, 40, 10)]
    assert all(sorted(epoch) == items for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_a_batch_may_be_larger_than_the_data() -> None:
    assert len(batch_items([3, 4, 5], 8, 0, seed=0)) == 8


def test_views_in_memory_and_views_read_are_the_same(villin_data: Path) -> None:
    store = TripletStore(villin_data)
    split = split_views(store.read("structure"), 0.2, seed=0)
    encoding = fit_to_training_views(store, split, pixels=64)
    held, read = Views(store, encoding, 100), Views(store, encoding, 0)
    for items in ([0], [5, 2]):
        torch.testing.assert_close(held.batch(items).observed, read.batch(items).observed)
        torch.testing.assert_close(held.batch(items).truth, read.batch(items).truth)
    assert held.batch([5, 2]).observed.shape == (2, 2, 64, 64)


def test_a_network_finer_than_the_images_is_refused(villin_data: Path) -> None:
    store = TripletStore(villin_data)
    settings = TrainingSettings(generator=GeneratorSettings(pixels=256, depth=4))
    with pytest.raises(InputError, match="128 pixels, the network 256"):
        check_grid(store.experiment, settings, "data.zarr")
