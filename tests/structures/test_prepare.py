import gzip
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest

from diffragan.errors import InputError, OutputError
from diffragan.structures.example import villin_path
from diffragan.structures.geometry import atom_masses, atom_positions
from diffragan.structures.prepare import prepare_structure, write_preparation

Write = Callable[[gemmi.Structure, str], Path]


def test_villin_is_cleaned(prepared_villin_file: Path) -> None:
    assert prepared_villin_file.name == "test.pdb"  # its chain is blank
    record = json.loads(prepared_villin_file.with_suffix(".json").read_text())
    changes = record["changes"]
    assert changes["waters_removed"] == 2761
    assert changes["heterogens_removed"] == {"Cl": 2}
    assert changes["hydrogens_removed"] == changes["hydrogens_added"] == 293
    assert changes["atoms_added"] == changes["residues_replaced"] == changes["gaps"] == []
    assert record["residues"] == 35
    assert record["atoms_per_element"] == {"C": 189, "H": 293, "N": 49, "O": 50, "S": 1}
    assert record["mass_kda"] == pytest.approx(4.084, abs=0.001)
    assert record["input"]["sha256"] == hashlib.sha256(villin_path().read_bytes()).hexdigest()
    assert set(record["software"]) == {"diffragan", "gemmi", "openmm", "pdbfixer"}


def test_the_centre_of_mass_is_the_origin(prepared_villin_file: Path) -> None:
    model = gemmi.read_structure(str(prepared_villin_file))[0]
    masses = atom_masses(model)[:, None]
    assert np.abs((masses * atom_positions(model)).sum(0) / masses.sum()).max() < 1e-3


def test_the_shift_leads_back_to_the_input(prepared_villin_file: Path) -> None:
    record = json.loads(prepared_villin_file.with_suffix(".json").read_text())
    before = gemmi.read_structure(str(villin_path()))[0][0][0]["CA"][0].pos.tolist()
    after = gemmi.read_structure(str(prepared_villin_file))[0][0][0]["CA"][0].pos.tolist()
    shift = np.array(record["changes"]["shift_angstrom"])
    np.testing.assert_allclose(np.array(before) + shift, after, atol=2e-3)


def test_the_same_input_gives_the_same_bytes(
    peptide: gemmi.Structure, write: Write, tmp_path: Path
) -> None:
    # Side chains to rebuild and hydrogens to place: all that could differ between two runs.
    for residue in peptide[0][0]:
        for index in reversed(range(len(residue))):
            if residue[index].name not in ("N", "CA", "C", "O"):
                del residue[index]
    path = write(peptide, "small.pdb")
    seen = set()
    for run in range(2):
        random.seed(run)
        written = write_preparation(prepare_structure(path), tmp_path / str(run))
        seen.add(written.read_bytes() + written.with_suffix(".json").read_bytes())
    assert len(seen) == 1


def test_names_follow_the_chain(peptide: gemmi.Structure, write: Write) -> None:
    path = write(peptide, "1abc.pdb")
    assert prepare_structure(path).name == "1abc_A"
    assert prepare_structure(path, keep_all_chains=True).name == "1abc_all"
    peptide[0][0].name = "B*"
    assert prepare_structure(write(peptide, "1abc.cif")).name == "1abc_B_"


def test_what_pdb_cannot_hold_becomes_mmcif(
    peptide: gemmi.Structure, write: Write, tmp_path: Path
) -> None:
    peptide[0][0].name = "AA"
    written = write_preparation(prepare_structure(write(peptide, "x.cif")), tmp_path / "out")
    assert written.name == "x_AA.cif"
    assert gemmi.read_structure(str(written))[0][0].name == "AA"


def test_gzipped_mmcif_and_pdb_give_the_same_atoms(
    peptide: gemmi.Structure, write: Write, tmp_path: Path
) -> None:
    squeezed = tmp_path / "x.cif.gz"
    squeezed.write_bytes(gzip.compress(write(peptide, "x.cif").read_bytes()))
    from_cif = prepare_structure(squeezed)
    from_pdb = prepare_structure(write(peptide, "x.pdb"))
    assert from_cif.record["input"]["format"] == "mmCIF"
    assert from_pdb.record["input"]["format"] == "PDB"
    np.testing.assert_allclose(
        atom_positions(from_cif.structure[0]), atom_positions(from_pdb.structure[0]), atol=2e-3
    )


def test_only_the_first_model_is_used(peptide: gemmi.Structure, write: Write) -> None:
    second = peptide[0].clone()
    second.num = 2
    peptide.add_model(second)
    assert prepare_structure(write(peptide, "x.pdb")).record["changes"]["models_dropped"] == 1


def test_insertion_codes_are_kept(peptide: gemmi.Structure, write: Write) -> None:
    for residue, code in zip(peptide[0][0], "ABCDEFGH", strict=True):
        residue.seqid = gemmi.SeqId(-2, code)
    prepared = prepare_structure(write(peptide, "x.pdb"))
    assert [str(one.seqid) for one in prepared.structure[0][0]] == [f"-2{c}" for c in "ABCDEFGH"]
    assert prepared.record["changes"]["gaps"] == []


@pytest.mark.parametrize("ph", [-0.1, 14.1, float("nan")])
def test_an_impossible_ph(ph: float) -> None:
    with pytest.raises(InputError, match="not between 0 and 14"):
        prepare_structure(villin_path(), ph=ph)


def test_one_chain_and_all_chains() -> None:
    with pytest.raises(InputError, match="exclude each other"):
        prepare_structure(villin_path(), chain="A", keep_all_chains=True)


def test_a_file_in_the_way(prepared_villin_file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(OutputError, match="a file stands"):
        write_preparation(prepare_structure(prepared_villin_file), tmp_path / "taken")


def test_preparing_again_changes_next_to_nothing(prepared_villin_file: Path) -> None:
    again = prepare_structure(prepared_villin_file)
    assert again.record["atoms"] == 582
    assert again.record["changes"]["atoms_added"] == []
