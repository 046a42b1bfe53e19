"""Villin as a model with residues, and maps of it."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from diffragan.reconstruction.validation.residue_model import ResidueModel, read_residue_model


@pytest.fixture(scope="session")
def villin_model(prepared_villin_file: Path) -> ResidueModel:
    """The prepared villin headpiece where its file has it."""
    return read_residue_model(prepared_villin_file)


@pytest.fixture(scope="session")
def scrambled(villin_model: ResidueModel) -> ResidueModel:
    """Villin turned and shifted: the pose that docking has to find."""
    turn = Rotation.from_rotvec([1.1, -0.7, 2.0]).as_matrix()
    return villin_model.moved(turn, np.array([2.3, -1.4, 0.8]))
