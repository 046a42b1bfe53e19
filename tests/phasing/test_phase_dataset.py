"""A phased store holds what the phaser gave, in its place, and resumes to the same bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.errors import InputError, OutputError
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.low_resolution import LowResolutionPhaser
from diffragan.phasing.protocol import Observations, PhasedWaves, Phaser, read_observations

LOW = {"settings": {}}


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def phase(
    data: Path, out: Path, items: Sequence[int] | None = None, phaser: Phaser | None = None
) -> PhasedStore:
    chosen = phaser or LowResolutionPhaser()
    store = TripletStore(data)
    phase_dataset(store, chosen, out, method="low-resolution", settings=LOW, items=items)
    return PhasedStore(out)


class Stopping:
    """Phases a batch, then is interrupted."""

    def __init__(self) -> None:
        self.batches = 0

    def phase(self, observations: Observations) -> PhasedWaves:
        if self.batches:
            raise KeyboardInterrupt
        self.batches += 1
        return LowResolutionPhaser().phase(observations)


def test_the_store_holds_what_the_phaser_gave(villin_data: Path, tmp_path: Path) -> None:
    phased = phase(villin_data, tmp_path / "phased.zarr")
    data = TripletStore(villin_data)
    given = LowResolutionPhaser().phase(read_observations(data, range(8)))
    assert len(phased) == 8
    torch.testing.assert_close(torch.from_numpy(phased.read("wave")), given.waves)
    torch.testing.assert_close(torch.from_numpy(phased.read("image")), given.images)
    assert np.isnan(phased.read("energy_outside_support")).all()
    for name in ("structure", "orientation", "shift"):
        np.testing.assert_array_equal(phased.read(name), data.read(name))


def test_the_store_says_where_it_came_from(villin_data: Path, tmp_path: Path) -> None:
    phased, data = phase(villin_data, tmp_path / "phased.zarr"), TripletStore(villin_data)
    assert phased.method == "low-resolution"
    assert phased.source == villin_data.resolve()
    assert phased.source_identity == data.identity
    assert phased.experiment == data.experiment
    made = phased.store.attributes["provenance"]
    assert made["inputs"] == {villin_data.name: data.identity}
    assert made["settings"]["method"] == "low-resolution"


def test_chosen_items_keep_their_numbers_and_order(villin_data: Path, tmp_path: Path) -> None:
    phased = phase(villin_data, tmp_path / "phased.zarr", [5, 2])
    assert phased.read("source_item").tolist() == [5, 2]
    np.testing.assert_array_equal(
        phased.read("orientation"), TripletStore(villin_data).read("orientation", [5, 2])
    )


def test_an_interrupted_run_goes_on_to_the_same_bytes(
    villin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffragan.phasing.dataset.BATCH", 3)
    out = tmp_path / "stopped.zarr"
    with pytest.raises(KeyboardInterrupt):
        phase(villin_data, out, phaser=Stopping())
    with pytest.raises(InputError, match="was not finished"):
        PhasedStore(out)
    phase(villin_data, out)
    assert files(out) == files(phase(villin_data, tmp_path / "whole.zarr").store.path)


def test_a_phaser_is_shown_nothing_of_the_truth(villin_data: Path) -> None:
    shown = read_observations(TripletStore(villin_data), [0])
    names = {name for name in dir(shown) if not name.startswith("_")}
    measured = {"diffraction", "measured", "low_resolution", "low_resolution_dose", "experiment"}
    measured |= {"background"}  # of frames without a molecule
    places = {"items", "numbers"}  # say which draw is whose, and nothing of what is seen
    assert names == measured | places | {"with_diffraction", "rows"}


def test_phased_waves_do_not_replace_the_data_they_came_from(
    villin_data: Path, tmp_path: Path
) -> None:
    before = files(villin_data)
    with pytest.raises(OutputError, match="will not replace"):
        phase(villin_data, villin_data)
    assert files(villin_data) == before


def test_a_data_set_is_not_read_as_phased_waves(villin_data: Path) -> None:
    with pytest.raises(InputError, match=r"'phased' is needed \(as `diffragan phase` writes\)"):
        PhasedStore(villin_data)
