"""No phaser can look at the truth: phasing goes on, to the same result, when it cannot be read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.io.phased import PhasedStore
from diffragan.io.store import Array
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser

MEASURED = {"diffraction", "measured", "low_resolution", "low_resolution_dose"}
POSES = {"structure", "orientation", "shift"}


class Blind(TripletStore):
    """A data set that notes what is read of it and hides the truth."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.names: set[str] = set()

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        assert name not in {"exit_wave", "high_resolution", "atom_position", "atom_number"}
        self.names.add(name)
        return super().read(name, items)


def test_observations_are_what_an_experiment_measures_of_those_items(villin_data: Path) -> None:
    data = Blind(villin_data)
    seen = read_observations(data, [6, 1])
    assert data.names == MEASURED
    assert len(seen) == 2
    for name in MEASURED - {"measured"}:
        stored = TripletStore(villin_data).read(name, [6, 1]).astype(np.float32)
        np.testing.assert_array_equal(getattr(seen, name).numpy(), stored)
    other = seen.with_diffraction(seen.diffraction.flip(0))
    assert torch.equal(other.diffraction[0], seen.diffraction[1])
    assert other.low_resolution is seen.low_resolution


@pytest.mark.parametrize("method", ["low-resolution", "er", "raar"])
def test_a_method_phases_a_data_set_whose_truth_is_hidden(
    villin_data: Path, tmp_path: Path, method: str
) -> None:
    data = Blind(villin_data)
    settings = {} if method == "low-resolution" else {"iterations": 4, "cycle": 2}
    out = phase_dataset(
        data,
        make_phaser(method, settings),
        tmp_path / "out.zarr",
        method=method,
        settings={"settings": settings},
        items=[4, 0],
    )
    assert data.names == MEASURED | POSES
    waves = PhasedStore(out).read("wave")
    assert np.isfinite(waves).all()
    assert (np.abs(waves).max((1, 2)) > 0).all()
