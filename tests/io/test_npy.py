import csv
from pathlib import Path

import numpy as np
import pytest

from diffragan.cli.main import run
from diffragan.errors import OutputError
from diffragan.io.npy import COLUMNS, TRIPLET, export_npy
from diffragan.io.triplets import TripletStore
from tiny_data import tiny_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    return tiny_data(tmp_path_factory.mktemp("npy") / "data.zarr", ("alpha", "beta"))


def test_every_triplet_is_a_file_of_its_own_that_the_index_names(
    data: TripletStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "triplets"
    assert run(["export", str(data.store.path), "--npy", str(folder)]) == 0
    assert "wrote 8 triplets" in capsys.readouterr().out
    with (folder / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["structure"], row["orientation"]) for row in rows[3:5]] == [
        ("alpha", "3"),
        ("beta", "0"),
    ]
    for row in rows:
        item = int(row["item"])
        for name in TRIPLET:
            file_name = f"{name}_{int(row['orientation']):05d}.npy"
            values = np.load(folder / row["structure"] / file_name)
            np.testing.assert_array_equal(values, data.read(name, [item])[0])
        quaternion = [float(row[f"quaternion_{axis}"]) for axis in "xyzw"]
        assert quaternion == data.read("orientation", [item])[0].tolist()
        dose = data.read("low_resolution_dose", [item])[0]
        assert float(row["low_resolution_dose_e_per_a2"]) == dose
    np.testing.assert_array_equal(np.load(folder / "measured.npy"), data.read("measured"))
    assert len(list(folder.rglob("*.npy"))) == 3 * 8 + 1


def test_a_folder_without_an_index_is_not_complete(data: TripletStore, tmp_path: Path) -> None:
    written = export_npy(data, tmp_path)
    assert next(written) == 0
    written.close()
    assert not (tmp_path / "index.csv").exists()


def test_triplets_are_not_written_into_a_data_set(data: TripletStore) -> None:
    with pytest.raises(OutputError, match="lies inside the data set"):
        next(export_npy(data, data.store.path / "npy"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.zarr", "--npy", "x"], "no such data set"),
        (["data.zarr"], "--npy"),
        (["data.zarr", "--npy", "file"], "a file stands where the folder should go"),
    ],
)
def test_a_wrong_export_is_one_line(
    data: TripletStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.zarr").symlink_to(data.store.path)
    Path("file").touch()
    assert run(["export", *arguments]) == 2
    assert words in capsys.readouterr().err
