"""Molecules that many tests use."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from diffragan.structures.prepared import PreparedStructure, read_prepared

if TYPE_CHECKING:
    from made_up_scan import MadeUp

# Law tests draw the same examples everywhere, and a busy machine fails none by its time.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

# A shell that starts the tests in its background has them ignore Ctrl-C, and so their children.
signal.signal(signal.SIGINT, signal.default_int_handler)

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


@pytest.fixture(scope="session")
def villin_data(villin: PreparedStructure, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight views of villin in the quick experiment: the path of a complete data set."""
    from diffragan.config.load import load_experiment
    from diffragan.simulation.dataset import simulate_dataset

    experiment = load_experiment("quick", overrides={"orientations": 8})
    out = tmp_path_factory.mktemp("villin") / "villin.zarr"
    return simulate_dataset([villin], experiment, seed=0, out=out, workers=1)


@pytest.fixture(scope="session")
def villin_network(villin_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run of a tiny unrolled network that learned the eight views of villin by heart."""
    from diffragan.training.unrolled.loop import train_unrolled
    from tiny_unrolled import BY_HEART

    return train_unrolled(villin_data, BY_HEART, tmp_path_factory.mktemp("network") / "run").run


@pytest.fixture(scope="session")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> "MadeUp":
    """A made-up scan of nine molecules with its observations, phased, and its page."""
    from diffragan.evaluation.ingest_page import write_ingest_page
    from made_up_scan import made_up_scan, observations_of
    from tiny_data import tiny_phased

    made = made_up_scan(tmp_path_factory.mktemp("scan") / "hits.zarr", warnings=("Doubt & <b>.",))
    data = observations_of(made)
    phased = tiny_phased(data, made.folder.with_name("phased.zarr"))
    write_ingest_page(made.folder, data, made.image, [phased])
    return made
