"""Random numbers that are the same in every run, and images that several tests take."""

import pytest
import torch
from defocused_data import defocused_data

from diffragan.io.triplets import TripletStore


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def defocused_views(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    """A data set whose defocused images are worth a map."""
    return defocused_data(tmp_path_factory.mktemp("defocused") / "views.zarr")
