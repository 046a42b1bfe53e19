"""A folder of maps, validated with a model: every file that is promised, in one frame."""

import csv
import json
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch
from made_maps import map_of, noise

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.mrc import read_mrc, write_volume
from diffragan.io.structures import read_structure, write_structure
from diffragan.reconstruction.validation.folder import validate_folder
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.residue_model import (
    ResidueModel,
    deviation,
    read_residue_model,
)

GRID = Grid(40, 56.0)


def write_maps(folder: Path, volume: torch.Tensor, grid: Grid = GRID, noisy: float = 0.5) -> Path:
    folder.mkdir(exist_ok=True)
    halves = [volume + noisy * volume.std() * noise(grid.pixels, seed) for seed in (1, 2)]
    for name, one in zip(("half1", "half2", "map"), [*halves, sum(halves) / 2], strict=True):
        write_volume(folder / f"{name}.mrc", one.numpy(), grid.pixel_angstrom)
    return folder


@pytest.fixture(scope="module")
def validated(
    scrambled: ResidueModel, prepared_villin_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Half maps of the mirrored, turned villin, with the model as its file has it."""
    volume = mirror_volume(map_of(scrambled, GRID, 3.5))
    folder = write_maps(tmp_path_factory.mktemp("validated"), volume)
    validate_folder(folder, prepared_villin_file)
    return folder


def test_the_docked_model_lies_where_the_molecule_is_in_the_mirrored_map(
    validated: Path, scrambled: ResidueModel
) -> None:
    record = json.loads((validated / "validation.json").read_text())
    assert record["docking"]["hand"] == "mirrored"
    for name in ("docked.cif", "docked.pdb"):
        laid = read_residue_model(validated / name)
        assert deviation(laid.positions, scrambled.positions) < 0.3
        assert laid.labels == scrambled.labels
    for name in ("map", "half1", "half2"):
        mirrored, pixel, _ = read_mrc(validated / f"{name}_mirrored.mrc")
        original, _, _ = read_mrc(validated / f"{name}.mrc")
        np.testing.assert_array_equal(mirrored, mirror_volume(torch.from_numpy(original)).numpy())
        assert pixel == pytest.approx(GRID.pixel_angstrom)
    assert record["files"]["map"] == "map_mirrored.mrc"
    assert all((validated / name).exists() for name in record["files"].values())


def test_the_record_says_resolutions_and_fit_in_numbers_and_words(validated: Path) -> None:
    record = json.loads((validated / "validation.json").read_text())
    gold = record["gold_standard"]
    assert len(gold["fsc_corrected"]) == len(gold["frequency_per_angstrom"]) == 20
    assert record["map_model"]["resolution_fsc_0p5_angstrom"] == pytest.approx(3.5, abs=0.4)
    assert record["q_score"]["mean"] > 0.4
    assert record["residue_correlation"]["mean"] > 0.8
    assert any("was mirrored" in words for words in record["words"])
    assert any("Q-score" in words for words in record["words"])
    resolved, _, _ = read_mrc(validated / "local_resolution.mrc")
    mask, _, _ = read_mrc(validated / "mask.mrc")
    np.testing.assert_array_equal(resolved > 0, mask >= 0.5)


def test_the_table_has_a_line_for_each_residue(validated: Path, scrambled: ResidueModel) -> None:
    with (validated / "residues.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["residue"] for row in rows] == list(scrambled.labels)
    assert all(0 < float(row["map_model_correlation"]) <= 1 for row in rows)
    assert all(float(row["local_resolution_angstrom"]) > 2 for row in rows)


def test_a_model_at_its_known_pose_is_not_docked(scrambled: ResidueModel, tmp_path: Path) -> None:
    write_structure(scrambled.structure, tmp_path / "known.cif")
    truth = map_of(scrambled, GRID, 2.8)
    write_volume(tmp_path / "map.mrc", truth.numpy(), GRID.pixel_angstrom)
    found = validate_folder(
        tmp_path, tmp_path / "known.cif", known_shift_angstrom=(0, 0, 0), truth=truth
    )
    assert found["docking"] is None
    assert found["gold_standard"] is None
    assert found["local_resolution"] is None
    assert found["residue_correlation"]["mean"] > 0.98
    assert found["truth"]["resolution_fsc_0p5_angstrom"] is None
    assert not (tmp_path / "local_resolution.mrc").exists()


def test_maps_without_a_model_are_validated_too(scrambled: ResidueModel, tmp_path: Path) -> None:
    write_maps(tmp_path, map_of(scrambled, GRID, 4.0), noisy=2.0)
    for stale in ("docked.cif", "map_mirrored.mrc", "residues.csv"):
        (tmp_path / stale).write_text("of an older map")
    found = validate_folder(tmp_path, local=False)
    assert "map_model" not in found
    assert len(found["words"]) == 1
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *(f"{name}.mrc" for name in ("map", "half1", "half2", "mask")),
        "chimerax.cxc",
        "validation.json",
    }


def test_bad_folders_and_models_are_named(scrambled: ResidueModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"map\.mrc: there is no such file"):
        validate_folder(tmp_path)
    write_maps(tmp_path, map_of(scrambled, GRID, 4.0))
    write_volume(tmp_path / "half2.mrc", np.random.default_rng(0).normal(size=(24, 24, 24)), 1.4)
    with pytest.raises(InputError, match=r"half2\.mrc: has 24 voxels of 1.400 Å .* again"):
        validate_folder(tmp_path)
    water = gemmi.Structure()
    water.add_model(gemmi.Model("1"))
    chain = gemmi.Chain("W")
    residue = gemmi.Residue()
    residue.name, residue.seqid = "HOH", gemmi.SeqId("1")
    atom = gemmi.Atom()
    atom.name, atom.element = "O", gemmi.Element("O")
    residue.add_atom(atom)
    chain.add_residue(residue)
    water[0].add_chain(chain)
    write_structure(water, tmp_path / "water.cif")
    assert read_structure(tmp_path / "water.cif")[0].count_atom_sites() == 1
    with pytest.raises(InputError, match=r"water\.cif: holds no atoms beside water"):
        validate_folder(tmp_path, tmp_path / "water.cif")
