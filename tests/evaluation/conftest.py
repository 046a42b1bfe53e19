from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from perturbed_truth import PERTURBED, PerturbedTruth

from diffragan.evaluation.protocol import evaluate
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.registry import make_phaser, recorded_settings
from tiny_data import tiny_data, tiny_phased


@pytest.fixture(scope="session")
def data(villin_data: Path) -> TripletStore:
    return TripletStore(villin_data)


@pytest.fixture(scope="session")
def phase_by(
    data: TripletStore, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., PhasedStore]:
    def phase(method: str, settings: dict[str, Any] | None = None) -> PhasedStore:
        out = tmp_path_factory.mktemp("phased") / f"{method}.zarr"
        phaser = make_phaser(method, settings)
        recorded = recorded_settings(phaser, settings or {}, None)
        return PhasedStore(phase_dataset(data, phaser, out, method=method, settings=recorded))

    return phase


@pytest.fixture(scope="session")
def low_resolution(phase_by: Callable[..., PhasedStore]) -> PhasedStore:
    return phase_by("low-resolution")


@pytest.fixture(scope="session")
def hio(phase_by: Callable[..., PhasedStore]) -> PhasedStore:
    return phase_by("hio", {"iterations": 60})


@pytest.fixture(scope="session")
def external(data: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    """A store of a method that this program cannot run again."""
    out = tmp_path_factory.mktemp("phased") / "external.zarr"
    phaser = PerturbedTruth(data)
    return PhasedStore(phase_dataset(data, phaser, out, method=PERTURBED, settings={}))


@pytest.fixture(scope="session")
def evaluation(
    data: TripletStore,
    hio: PhasedStore,
    low_resolution: PhasedStore,
    external: PhasedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, Any], list[PhasedStore]]:
    """A folder with an evaluation of three stores, what it holds, and the stores."""
    out = tmp_path_factory.mktemp("evaluation")
    stores = [hio, external, low_resolution]
    return out, evaluate(data, stores, out, control_views=3, protocol="paper"), stores


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    """Four views of each of two small clusters, in the order of the molecules."""
    return tiny_data(tmp_path_factory.mktemp("tiny") / "tiny.zarr", ("alpha", "beta"))


@pytest.fixture(scope="session")
def tiny_low(tiny: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    """All eight views by the low-resolution image alone."""
    return tiny_phased(tiny, tmp_path_factory.mktemp("tiny") / "low.zarr")


@pytest.fixture(scope="session")
def tiny_er(tiny: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> PhasedStore:
    """Views 1 and 6 only, by a few iterations."""
    path = tmp_path_factory.mktemp("tiny") / "er.zarr"
    return tiny_phased(tiny, path, "er", [1, 6], iterations=5)


@pytest.fixture(scope="session")
def tiny_metrics(
    tiny: TripletStore,
    tiny_low: PhasedStore,
    tiny_er: PhasedStore,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Judgement of a whole store and of one that holds two views."""
    out = tmp_path_factory.mktemp("tiny")
    return evaluate(tiny, [tiny_low, tiny_er], out, control_views=2, protocol="paper")
