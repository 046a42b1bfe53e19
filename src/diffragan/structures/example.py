"""The embedded example: a small real protein that comes with OpenMM."""

from importlib.util import find_spec
from pathlib import Path

from diffragan.errors import MissingExtraError


def villin_path() -> Path:
    """Return the villin headpiece (35 residues, 4 kDa) in a box of water, as a PDB file.

    Raises
    ------
    MissingExtraError : OpenMM is not installed with its data.
    """
    package = find_spec("openmm")
    folders = list(package.submodule_search_locations or []) if package else []
    for folder in folders:
        path = Path(folder) / "app" / "data" / "test.pdb"
        if path.is_file():
            return path
    raise MissingExtraError(
        "the example protein is not there: OpenMM's data is missing; run `pip install openmm`"
    )
