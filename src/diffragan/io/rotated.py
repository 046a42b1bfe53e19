"""A structure as it stood in the beam."""

from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from diffragan.io.structures import read_structure, write_structure


def write_rotated_structure(
    source: Path, target: Path, matrix: NDArray[np.float64], shift: NDArray[np.float64]
) -> None:
    """Write the structure of `source` with every position p moved to `matrix` p + `shift` [Å].

    Parameters
    ----------
    source, target : PDB or mmCIF files.
    matrix : `(3, 3)` rotation.
    shift : `(3,)` translation [Å].
    """
    structure = read_structure(source)
    movement = gemmi.Transform(gemmi.Mat33(matrix.tolist()), gemmi.Vec3(*shift))
    structure[0].transform_pos_and_adp(movement)
    write_structure(structure, target)
