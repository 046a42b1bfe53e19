"""A structure as it stood in the beam."""

from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from diffragan.io.structures import read_structure, write_structure


def write_moved_structure(source: Path, target: Path, positions: NDArray[np.float64]) -> None:
    """Write the structure of `source` with its atoms elsewhere.

    Parameters
    ----------
    source, target : PDB or mmCIF files.
    positions : `(atoms, 3)`, in the order of the file [Å].
    """
    structure = read_structure(source)
    for site, position in zip(structure[0].all(), positions.tolist(), strict=True):
        site.atom.pos = gemmi.Position(*position)
    write_structure(structure, target)
