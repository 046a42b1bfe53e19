"""Real entries with what real entries have; skipped where the files are not at hand."""

import csv
from pathlib import Path
from typing import Any

import pytest

from diffragan.structures.prepare import Preparation, prepare_structure, write_preparation

SELENIUM_FOR_SULPHUR_KDA = 0.0469
"""The index counts selenomethionines as they are; prepared, they are methionines."""


@pytest.fixture(scope="module")
def index(shared_structures: Path) -> dict[str, dict[str, str]]:
    with (shared_structures / "index.csv").open() as file:
        return {row["pdb_id"]: row for row in csv.DictReader(file)}


def prepared(folder: Path, row: dict[str, str]) -> Preparation:
    return prepare_structure(folder / row["file"])


def changes_of(preparation: Preparation) -> dict[str, Any]:
    return dict(preparation.record["changes"])


@pytest.mark.parametrize(
    "pdb_id",
    ["1ahs", "1aup", "5e5j", "5d8v", "5iws", "1dix", "2voo", "7rsa", "2xov", "3dwo"],
)
def test_the_mass_is_that_of_the_index(
    shared_structures: Path, index: dict[str, dict[str, str]], pdb_id: str
) -> None:
    preparation = prepared(shared_structures, index[pdb_id])
    record, changes = preparation.record, changes_of(preparation)
    assert record["residues"] == int(index[pdb_id]["n_residues"])
    assert len(changes["gaps"]) == int(index[pdb_id]["chain_breaks"])
    assert changes["chains_kept"] == [index[pdb_id]["chain"]]
    methionines = sum(one["residue"].endswith("MSE") for one in changes["residues_replaced"])
    as_deposited = record["mass_kda"] + methionines * SELENIUM_FOR_SULPHUR_KDA
    assert as_deposited == pytest.approx(float(index[pdb_id]["mw_kda"]), rel=0.005)


def test_selenomethionines_become_methionines(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    replaced = changes_of(prepared(shared_structures, index["5iws"]))["residues_replaced"]
    assert len(replaced) == 16
    assert {one["by"] for one in replaced} == {"MET"}


def test_zero_occupancy_atoms_without_alternative_stay(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    assert changes_of(prepared(shared_structures, index["1ahs"]))["zero_occupancy_kept"] == 60


def test_an_nmr_ensemble_gives_its_first_model(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    preparation = prepared(shared_structures, index["1gya"])
    changes = changes_of(preparation)
    assert changes["models_dropped"] == 17
    assert changes["chains_dropped"] == ["B"]
    assert preparation.record["residues"] == 105


def test_alternate_conformers_are_resolved(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    assert len(changes_of(prepared(shared_structures, index["5d8v"]))["altlocs_resolved"]) > 5


def test_a_fused_chromophore_leaves_a_gap(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    changes = changes_of(prepared(shared_structures, index["4xow"]))
    assert changes["incomplete_residues_removed"] == ["A 66 CRO"]
    assert len(changes["gaps"]) == 1


def test_retinal_on_a_lysine_becomes_a_lysine(
    shared_structures: Path, index: dict[str, dict[str, str]]
) -> None:
    changes = changes_of(prepared(shared_structures, index["4xtl"]))
    assert changes["residues_replaced"] == [{"residue": "A 255 LYR", "by": "LYS"}]


@pytest.mark.slow
def test_a_real_entry_gives_the_same_bytes_twice(
    shared_structures: Path, index: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    # 1AUP has three side chains to rebuild and two gaps.
    first, second = (
        write_preparation(prepared(shared_structures, index["1aup"]), tmp_path / run)
        for run in "ab"
    )
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()
