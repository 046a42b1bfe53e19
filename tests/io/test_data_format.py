"""Other programs read stores as `docs/data-format.md` says."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr

from diffragan.io import layout
from diffragan.io.phased import phased_specs
from diffragan.io.store import open_store
from diffragan.io.triplets import TripletStore, triplet_specs
from tiny_data import TINY, tiny_data, tiny_phased

PAGE = (Path(__file__).parents[2] / "docs" / "data-format.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "RUN_ITEMS", 3)
        return tiny_data(tmp_path_factory.mktemp("format") / "data.zarr", ("alpha", "beta"))


@pytest.mark.parametrize("example", EXAMPLES, ids=["xarray", "zarr"])
def test_an_example_of_the_page_runs(
    data: TripletStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    example: str,
) -> None:
    monkeypatch.chdir(data.store.path.parent)
    exec(example, {})
    assert capsys.readouterr().out.strip()


def test_xarray_and_zarr_read_the_same_values(data: TripletStore) -> None:
    path = data.store.path
    group = zarr.open_group(path, mode="r")
    with xarray.open_zarr(path) as opened:
        names = {*opened.data_vars, *opened.coords}
        assert names == set(data.store.array_names())
        for name in names:
            spec = data.store.describe(name)
            assert opened[name].dims == spec.axes
            assert opened[name].attrs["units"] == spec.unit != ""
            np.testing.assert_array_equal(opened[name].values, data.read(name))
            np.testing.assert_array_equal(group[name][...], data.read(name))
        assert opened["diffraction"].sel(q_x=0.0, q_y=0.0, method="nearest").shape == (8,)
        assert opened.attrs["format_version"] == 2


def test_xarray_opens_phased_waves(data: TripletStore, tmp_path: Path) -> None:
    phased = tiny_phased(data, tmp_path / "phased.zarr")
    with xarray.open_zarr(phased.store.path) as opened:
        np.testing.assert_array_equal(opened["wave"].values, phased.read("wave"))
        assert "image_x" in opened["image"].coords


def test_zarr_reads_each_array_without_the_group_s_copy_of_its_metadata(
    data: TripletStore,
) -> None:
    array = zarr.open_array(data.store.path / "exit_wave", mode="r")
    np.testing.assert_array_equal(array[...], data.read("exit_wave"))
    assert (array.shards, array.chunks) == ((3, 40, 40), (1, 40, 40))


def test_a_shard_that_zarr_wrote_is_read(data: TripletStore, tmp_path: Path) -> None:
    path = tiny_data(tmp_path / "other.zarr", ("alpha", "beta")).store.path
    values = open_store(path).read("diffraction")
    with zarr.config.set({"async.concurrency": 1}):
        zarr.open_group(path, mode="r+")["diffraction"][...] = values * 2
    np.testing.assert_array_equal(open_store(path).read("diffraction", [7, 0]), 2 * values[[7, 0]])


def test_the_page_names_every_array_and_attribute(data: TripletStore) -> None:
    phased = phased_specs(TINY, 1, with_spread=True, predicted_frequency=(0.0, 1 / 60))
    for name in (*triplet_specs(TINY, 1, 1), *phased, layout.CHECKSUM):
        assert f"`{name}`" in PAGE
    for name in ("format", "format_version", "kind", "experiment", "structures", "identity"):
        assert f"| `{name}` |" in PAGE
        assert name in data.store.attributes
    assert f"**version {layout.FORMAT_VERSION}**" in PAGE
    assert f"N is {layout.RUN_ITEMS}" in PAGE
    for size in (layout.SMALL_ITEM_BYTES, layout.SMALL_CHUNK_ITEMS):
        assert f"{size:,}" in PAGE
