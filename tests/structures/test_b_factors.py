from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
import torch

from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

Write = Callable[[gemmi.Structure, str], Path]


def b_by_name(structure: gemmi.Structure, residue: int) -> dict[str, float]:
    return {atom.name: atom.b_iso for atom in structure[0][0][residue]}


@pytest.fixture
def with_b(peptide: gemmi.Structure) -> gemmi.Structure:
    """Give the peptide's heavy atoms B-factors from 10 upward."""
    heavy = [site.atom for site in peptide[0].all() if site.atom.element.name != "H"]
    for number, atom in enumerate(heavy):
        atom.b_iso = 10 + number
    return peptide


@pytest.mark.parametrize("name", ["small.pdb", "small.cif"])
def test_atoms_keep_theirs_and_hydrogens_take_their_neighbour_s(
    with_b: gemmi.Structure, write: Write, name: str
) -> None:
    prepared = prepare_structure(write(with_b, name)).structure
    for place in range(len(with_b[0][0])):
        before, after = b_by_name(with_b, place), b_by_name(prepared, place)
        heavy = {atom for atom in before if not atom.startswith("H")}
        assert {atom: after[atom] for atom in heavy} == pytest.approx(
            {atom: before[atom] for atom in heavy}
        )
        assert after["HA"] == after["CA"]


def test_rebuilt_atoms_take_the_median(with_b: gemmi.Structure, write: Write) -> None:
    residue = with_b[0][0][2]
    names = [atom.name for atom in residue]
    missing = [name for name in names if name not in {"N", "CA", "C", "O", "H", "HA"}]
    for name in missing:
        del residue[[atom.name for atom in residue].index(name)]
    kept = [s.atom.b_iso for s in with_b[0].all() if s.atom.element.name != "H"]
    prepared = prepare_structure(write(with_b, "small.pdb")).structure
    assert b_by_name(prepared, 2)["CB"] == pytest.approx(np.median(kept), abs=0.01)


def test_they_come_into_the_model(with_b: gemmi.Structure, write: Write, tmp_path: Path) -> None:
    path = write_preparation(prepare_structure(write(with_b, "small.pdb")), tmp_path / "out")
    model = read_prepared(path).model
    assert model.b_factors is not None
    assert model.b_factors.shape == model.atomic_numbers.shape
    assert float(model.b_factors.min()) == pytest.approx(10)
    assert model.rotated(torch.eye(3)).b_factors is model.b_factors


def test_a_file_without_b_factors_gives_none(villin: PreparedStructure) -> None:
    assert villin.model.b_factors is None


def test_negative_values_count_as_missing(with_b: gemmi.Structure, write: Write) -> None:
    with_b[0][0][1].find_atom("CA", "*").b_iso = -5
    prepared = prepare_structure(write(with_b, "small.pdb")).structure
    assert 10 < b_by_name(prepared, 1)["CA"] < 100
