"""A small peptide to damage, and a way to write it."""

from collections.abc import Callable
from pathlib import Path

import gemmi
import pytest

Write = Callable[[gemmi.Structure, str], Path]


@pytest.fixture
def peptide(prepared_villin_file: Path) -> gemmi.Structure:
    """Eight residues, LEU 1 to ALA 8 of villin, as chain A with hydrogens."""
    structure = gemmi.read_structure(str(prepared_villin_file))
    chain = structure[0][0]
    del chain[8:]
    chain.name = "A"
    return structure


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a structure as PDB or mmCIF, by the name's ending, and return the path."""

    def act(structure: gemmi.Structure, name: str = "small.pdb") -> Path:
        path = tmp_path / name
        if name.endswith(".cif"):
            structure.setup_entities()
            structure.make_mmcif_document().write_file(str(path))
        else:
            structure.write_pdb(str(path))
        return path

    return act
