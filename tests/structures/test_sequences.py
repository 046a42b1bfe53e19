"""Sequences from files, prepared or not."""

import gzip
import shutil
from pathlib import Path

import pytest

from diffragan.errors import InputError
from diffragan.structures.example import villin_path
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.sequences import read_molecule, read_molecules
from made_up_proteins import random_sequence, write_backbone

VILLIN = "LSDEDFKAVFGMTRSAFANLPLWKQQHLKKEKGLF"
PEPTIDE, PROTEIN, OTHER = (random_sequence(length, 1) for length in (12, 60, 70))


def test_a_prepared_file_gives_what_its_record_says(villin: PreparedStructure) -> None:
    found = read_molecule(villin.path)
    assert found.name == villin.name
    assert list(found.chains.values()) == [VILLIN]
    assert found.residues == 35
    assert found.mass_kda == villin.mass_kda
    assert found.sha256 == villin.sha256
    assert found.largest_dimension_angstrom == pytest.approx(
        villin.record["largest_dimension_angstrom"], abs=0.01
    )


def test_another_file_gives_nearly_the_same(villin: PreparedStructure) -> None:
    found = read_molecule(villin_path())
    assert found.name == villin.name
    assert list(found.chains.values()) == [VILLIN]
    assert found.mass_kda == pytest.approx(villin.mass_kda, rel=2e-3)
    assert found.largest_dimension_angstrom == pytest.approx(
        villin.record["largest_dimension_angstrom"], abs=3
    )


def test_the_chain_is_the_one_that_prepare_keeps(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "complex.pdb", PEPTIDE, PROTEIN, OTHER)
    first = read_molecule(path)
    assert (first.name, first.chains) == ("complex_B", {"B": PROTEIN})
    everything = read_molecule(path, keep_all_chains=True)
    assert everything.name == "complex_all"
    assert everything.chains == {"A": PEPTIDE, "B": PROTEIN, "C": OTHER}
    assert everything.residues == 142


def test_a_folder_gives_its_structures_by_name(tmp_path: Path) -> None:
    for name in ("b.pdb", "a.pdb"):
        write_backbone(tmp_path / name, PROTEIN)
    (tmp_path / "c.ent.gz").write_bytes(gzip.compress((tmp_path / "a.pdb").read_bytes()))
    (tmp_path / "notes.csv").write_text("not a structure")
    (tmp_path / ".hidden.pdb").write_text("nor this")
    assert [one.name for one in read_molecules([tmp_path])] == ["a_A", "b_A", "c_A"]


def test_a_folder_without_structures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no PDB or mmCIF file"):
        read_molecules([tmp_path])


def test_one_name_twice(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "a.pdb", PROTEIN)
    with pytest.raises(InputError, match=r"1 of 2 files cannot be used: .* has the name 'a_A' of"):
        read_molecules([path, path])


def test_all_bad_files_are_counted(tmp_path: Path) -> None:
    write_backbone(tmp_path / "good.pdb", PROTEIN)
    for number in range(5):
        (tmp_path / f"bad{number}.pdb").touch()
    with pytest.raises(InputError, match=r"5 of 6 files .*bad0.*bad1.*bad2.*; and 2 more$"):
        read_molecules([tmp_path])


def test_a_prepared_file_that_was_changed(tmp_path: Path, villin: PreparedStructure) -> None:
    for file in (villin.path, villin.path.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    path = tmp_path / villin.path.name
    path.write_text(path.read_text().replace("LEU", "ALA"))
    with pytest.raises(InputError, match="differs from what `diffragan prepare` wrote"):
        read_molecule(path)


def test_a_record_of_something_else_makes_no_file_prepared(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "a.pdb", PROTEIN)
    path.with_suffix(".json").write_text('{"kind": "notes"}')
    assert read_molecule(path).chains == {"A": PROTEIN}
