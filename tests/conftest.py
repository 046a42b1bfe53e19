"""Molecules that many tests use."""

from pathlib import Path

import pytest

from diffragan.structures.prepared import PreparedStructure, read_prepared

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_structures() -> Path:
    """The folder of real entries beside the repository, for those who have it."""
    folder = REPOSITORY.parent / "shared" / "structures"
    if not (folder / "index.csv").is_file():
        pytest.skip("needs the shared structures beside the repository (../shared/structures)")
    return folder


@pytest.fixture(scope="session")
def prepared_villin_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenMM's villin headpiece, prepared once."""
    from diffragan.structures.example import villin_path
    from diffragan.structures.prepare import prepare_structure, write_preparation

    folder = tmp_path_factory.mktemp("prepared")
    return write_preparation(prepare_structure(villin_path()), folder)


@pytest.fixture(scope="session")
def villin(prepared_villin_file: Path) -> PreparedStructure:
    """The prepared villin headpiece: 35 residues, 582 atoms."""
    return read_prepared(prepared_villin_file)
