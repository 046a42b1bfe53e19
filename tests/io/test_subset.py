from pathlib import Path

import numpy as np
import pytest

from diffragan.errors import InputError
from diffragan.io.subset import write_subset
from diffragan.io.triplets import TripletStore
from tiny_data import tiny_data


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("whole") / "whole.zarr", ("alpha", "beta"))


def test_a_subset_holds_the_items_and_their_molecules_only(
    whole: TripletStore, tmp_path: Path
) -> None:
    part = TripletStore(write_subset(whole, [5, 7], tmp_path / "part.zarr"))
    assert len(part) == 2
    for name in ("diffraction", "low_resolution", "exit_wave", "orientation"):
        assert np.array_equal(part.read(name), whole.read(name, [5, 7])), name
    assert [s.name for s in part.structures()] == ["beta"]
    assert part.read("structure").tolist() == [0, 0]
    assert np.array_equal(part.structures()[0].positions, whole.structures()[1].positions)
    assert np.array_equal(part.read("measured"), whole.read("measured"))
    assert part.identity != whole.identity


@pytest.mark.parametrize("items", [[], [8], [-1]])
def test_items_that_are_not_there_are_refused(
    whole: TripletStore, tmp_path: Path, items: list[int]
) -> None:
    with pytest.raises(InputError, match="holds items 0 to 7"):
        write_subset(whole, items, tmp_path / "part.zarr")
