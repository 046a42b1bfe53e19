"""True waves to learn from: read, sampled anew, and drawn."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diffragan.errors import InputError
from diffragan.fourier import resample
from diffragan.grid import Grid
from diffragan.io.triplets import TripletStore
from diffragan.training.unrolled.waves import NEIGHBOURS, WavePool, read_pool
from tiny_data import tiny_data
from tiny_unrolled import TINY_NETWORK


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("waves") / "data.zarr", ("alpha", "beta"))


def test_waves_are_those_of_the_data_set_on_the_network_s_pixels(store: TripletStore) -> None:
    pool = read_pool(store, TINY_NETWORK)
    assert pool.grid == Grid(24, 24.0)
    written = torch.from_numpy(store.read("exit_wave"))
    torch.testing.assert_close(pool.waves, resample(written, 24))
    assert pool.members == ((0, 1, 2, 3), (4, 5, 6, 7))
    some = read_pool(store, TINY_NETWORK, [1, 6])
    torch.testing.assert_close(some.waves, pool.waves[[1, 6]])
    assert some.members == ((0,), (1,))


def test_a_molecule_s_dimension_holds_its_atoms_however_it_is_turned(store: TripletStore) -> None:
    pool = read_pool(store, TINY_NETWORK)
    for place, entry in enumerate(store.structures()):
        positions = torch.from_numpy(entry.positions)
        apart = torch.cdist(positions, positions).max()
        assert float(apart) <= float(pool.dimension_angstrom[place]) + 1e-3
    assert pool.largest_dimension([0, 5]) == float(pool.dimension_angstrom.max())
    assert pool.largest_dimension([2]) == float(pool.dimension_angstrom[0])


def test_no_views_and_waves_that_are_too_coarse_are_refused(store: TripletStore) -> None:
    with pytest.raises(InputError, match="holds no view to learn from"):
        read_pool(store, TINY_NETWORK, [])
    finer = TINY_NETWORK.model_copy(update={"pixel_angstrom": 0.4})
    with pytest.raises(InputError, match=r"pixels of 0.6 Å, coarser than the network's 0.4 Å"):
        read_pool(store, finer)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ((3, 5, 6), np.nan, "the array 'exit_wave' holds values that are not finite"),
        ((3, slice(None), slice(None)), 0, "the wave of item 3 is zero everywhere"),
    ],
)
def test_a_wave_that_is_not_finite_or_empty_is_named(
    store: TripletStore, tmp_path: Path, place: Any, value: float, words: str
) -> None:
    import zarr

    broken = tmp_path / "broken.zarr"
    shutil.copytree(store.store.path, broken)
    zarr.open_group(broken, mode="r+")["exit_wave"][place] = value
    with pytest.raises(InputError, match=words):
        read_pool(TripletStore(broken), TINY_NETWORK)


def pool_of(views: tuple[int, ...]) -> WavePool:
    """A pool of empty waves, so many views of molecules of growing size."""
    structure = torch.repeat_interleave(torch.arange(len(views)), torch.tensor(views))
    members = tuple(
        tuple(torch.nonzero(structure == index).flatten().tolist()) for index in range(len(views))
    )
    return WavePool(
        torch.zeros(len(structure), 4, 4, dtype=torch.complex64),
        Grid(4, 4.0),
        structure,
        10.0 + torch.arange(len(views)),
        members,
        tuple(index for index, count in enumerate(views) if count),
    )


def test_each_molecule_is_shown_as_often_as_any_other_however_many_views_it_has() -> None:
    pool, random = pool_of((1, 9, 0, 3)), np.random.default_rng(0)
    shown = Counter(int(pool.structure[i]) for _ in range(600) for i in pool.draw(2, random))
    assert set(shown) == {0, 1, 3}
    assert min(shown.values()) > 0.8 * 400


def test_molecules_of_a_batch_are_of_like_size() -> None:
    pool, random = pool_of((2,) * 60), np.random.default_rng(0)
    for _ in range(100):
        chosen = [int(pool.structure[item]) for item in pool.draw(8, random)]
        assert max(chosen) - min(chosen) < NEIGHBOURS


def test_one_wave_can_fill_a_batch() -> None:
    assert pool_of((1,)).draw(3, np.random.default_rng(0)) == [0, 0, 0]
