import json
import shutil
from pathlib import Path

import pytest
import torch

from diffragan.errors import InputError
from diffragan.structures.example import villin_path
from diffragan.structures.prepared import PreparedStructure, read_prepared, read_prepared_many


@pytest.fixture
def folder(prepared_villin_file: Path, tmp_path: Path) -> Path:
    for path in (prepared_villin_file, prepared_villin_file.with_suffix(".json")):
        shutil.copy(path, tmp_path)
    return tmp_path


def edit_record(folder: Path, **changes: object) -> None:
    path = folder / "test.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_what_was_prepared_is_read(villin: PreparedStructure) -> None:
    assert villin.name == "test"
    assert villin.model.positions.shape == (582, 3)
    assert villin.model.positions.dtype == torch.float32
    assert set(villin.model.atomic_numbers.tolist()) == {1, 6, 7, 8, 16}
    assert villin.mass_kda == pytest.approx(4.084, abs=1e-3)
    assert villin.record["residues"] == 35
    assert len(villin.sha256) == 64


def test_positions_in_double_precision(prepared_villin_file: Path) -> None:
    assert read_prepared(prepared_villin_file, torch.float64).model.positions.dtype == torch.float64


def test_a_folder_gives_all_in_the_order_of_names(folder: Path) -> None:
    shutil.copy(folder / "test.pdb", folder / "another.pdb")
    shutil.copy(folder / "test.json", folder / "another.json")
    record = json.loads((folder / "another.json").read_text()) | {"name": "another"}
    (folder / "another.json").write_text(json.dumps(record))
    assert [one.name for one in read_prepared_many([folder])] == ["another", "test"]
    assert [one.name for one in read_prepared_many([folder / "test.pdb"])] == ["test"]


def test_one_structure_twice(folder: Path) -> None:
    with pytest.raises(InputError, match="give each once"):
        read_prepared_many([folder, folder / "test.pdb"])


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \.pdb or \.cif"):
        read_prepared_many([tmp_path])


def test_a_structure_that_was_not_prepared() -> None:
    with pytest.raises(InputError, match=r"not prepared .* run `diffragan prepare test.pdb"):
        read_prepared(villin_path())


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_prepared(tmp_path / "absent.pdb")


def test_a_foreign_record(folder: Path) -> None:
    edit_record(folder, kind="something else")
    with pytest.raises(InputError, match="was not written by"):
        read_prepared(folder / "test.pdb")


def test_a_changed_structure(folder: Path) -> None:
    path = folder / "test.pdb"
    path.write_text(path.read_text().replace("LEU", "ILE"))
    with pytest.raises(InputError, match="differs from what"):
        read_prepared(path)


def test_elements_no_protein_has(folder: Path) -> None:
    import hashlib

    path = folder / "test.pdb"
    line = "HETATM  999 FE   HEM A 999       0.000   0.000   0.000  1.00  0.00          FE\n"
    path.write_text(path.read_text().replace("END", line + "END"))
    edit_record(folder, output={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(InputError, match="holds Fe"):
        read_prepared(path)
