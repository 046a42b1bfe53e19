"""Whatever byte of a store changes, verifying finds it; a sound store passes."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffragan.errors import InputError
from diffragan.io import layout
from diffragan.io.layout import CHECKSUM
from diffragan.io.shards import encode_chunk, read_chunks, write_shard
from diffragan.io.store import open_store
from diffragan.io.triplets import triplet_specs
from diffragan.io.verify import verify
from tiny_data import TINY, tiny_data

ARRAYS = [*triplet_specs(TINY, 1, 1), CHECKSUM]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight items in three shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "RUN_ITEMS", 3)
        return tiny_data(tmp_path_factory.mktemp("sound") / "data.zarr", ("a", "b")).store.path


@pytest.fixture
def store(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data.zarr"))


def items_verified(path: Path) -> int:
    return sum(verify(open_store(path)))


def chunk_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("c/**/*") if file.is_file())


def test_a_sound_store_passes(store: Path) -> None:
    assert items_verified(store) == 8


@pytest.mark.parametrize("where", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ARRAYS)
def test_a_flipped_bit_is_found_in_any_array(store: Path, name: str, where: float) -> None:
    file = chunk_files(store / name)[-1]
    content = bytearray(file.read_bytes())
    content[round(where * (len(content) - 1))] ^= 4
    file.write_bytes(content)
    with pytest.raises(InputError, match=f"the array '{name}' is damaged"):
        items_verified(store)


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_file_is_found_in_any_array(store: Path, name: str) -> None:
    chunk_files(store / name)[-1].unlink()
    with pytest.raises(InputError, match=f"the array '{name}' lacks the chunk c"):
        items_verified(store)


@pytest.mark.parametrize("name", ARRAYS)
def test_other_metadata_are_found_of_any_array(store: Path, name: str) -> None:
    metadata = store / name / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"shape"', '"shapes"'))
    with pytest.raises(InputError, match=f"the metadata of the array '{name}' are damaged"):
        items_verified(store)


@pytest.mark.parametrize("name", ["diffraction", "exit_wave"])
def test_sound_chunks_in_the_wrong_order_are_found(store: Path, name: str) -> None:
    spec = open_store(store).describe(name)
    shard = chunk_files(store / name)[1]
    first, second, third = read_chunks(shard, range(3), 3, spec)
    write_shard(shard, map(encode_chunk, (first, third, second)), 3)
    with pytest.raises(InputError, match="item 4 is not what was written under this number"):
        items_verified(store)


def test_a_shard_in_the_place_of_another_is_found(store: Path) -> None:
    first, second = chunk_files(store / "low_resolution")[:2]
    shutil.copy(second, first)
    with pytest.raises(InputError, match="item 0 is not what was written"):
        items_verified(store)


def test_a_value_that_is_not_finite_is_found(store: Path) -> None:
    spec = open_store(store).describe("exit_wave")
    shard = chunk_files(store / "exit_wave")[0]
    values = np.full(spec.item_shape, np.nan, spec.dtype)
    write_shard(shard, [encode_chunk(values)] * 3, 3)
    with pytest.raises(InputError, match="'exit_wave' holds values that are not finite"):
        items_verified(store)


@pytest.mark.parametrize(
    "change", [{"structures": []}, {"identity": "0" * 64}, {"experiment": {"box_angstrom": 71}}]
)
def test_attributes_of_other_data_are_found(store: Path, change: dict[str, Any]) -> None:
    metadata = json.loads((store / "zarr.json").read_text())
    metadata["attributes"].update(change)
    (store / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(InputError, match="not those its identity was made from"):
        items_verified(store)
