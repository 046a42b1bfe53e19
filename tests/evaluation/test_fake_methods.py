"""Methods that do not phase are told apart from one that does, by the words of the verdict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from perturbed_truth import perturbed

from diffragan.errors import InputError
from diffragan.evaluation.controls import random_phases
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.verdict import (
    NOT_TESTED,
    OTHER_VIEW,
    RANDOM,
    RETURNS_IMAGE,
    SAME_IMAGE,
)
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import contrast
from diffragan.phasing.dataset import phase_dataset
from diffragan.phasing.protocol import Observations, PhasedWaves, high_resolution_images

Answer = Callable[[TripletStore, Observations, list[int]], tuple[torch.Tensor, torch.Tensor]]


class Fake:
    """Answers with what it likes, knowing which items it is asked for."""

    def __init__(self, data: TripletStore, answer: Answer) -> None:
        self._data, self._answer, self._next = data, answer, 0

    def phase(self, observations: Observations) -> PhasedWaves:
        items = list(range(self._next, self._next + len(observations)))
        self._next += len(items)
        waves, images = self._answer(self._data, observations, items)
        return PhasedWaves(waves, images, torch.zeros(len(items)))


def true(data: TripletStore, items: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    names = ("exit_wave", "high_resolution")
    waves, images = (torch.from_numpy(data.read(name, items)) for name in names)
    return waves, images


def low_resolution_image(
    data: TripletStore, seen: Observations, items: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The image as it was counted, low-passed, for an answer."""
    images = 1 + contrast(seen.low_resolution, seen.low_resolution_dose, data.experiment)
    return true(data, items)[0] * 0 + 1e-3, images


def another_view(
    data: TripletStore, _seen: Observations, items: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    return true(data, [(item + 3) % len(data) for item in items])


def mean_image(
    data: TripletStore, _seen: Observations, items: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    waves, images = true(data, list(range(len(data))))
    return (
        waves.mean(0).expand(len(items), -1, -1).clone(),
        images.mean(0).expand(len(items), -1, -1).clone(),
    )


def no_phases(
    data: TripletStore, seen: Observations, items: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    # Other random phases than those of the control.
    waves = random_phases(seen, [item + 1000 for item in items])
    return waves, high_resolution_images(waves, data.experiment)


def working(
    data: TripletStore, _seen: Observations, items: list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    waves = perturbed(true(data, items)[0], data)
    return waves, high_resolution_images(waves, data.experiment)


FAKES: dict[str, tuple[Answer, str]] = {
    "copies its input": (low_resolution_image, RETURNS_IMAGE),
    "another view": (another_view, OTHER_VIEW),
    "mean image": (mean_image, SAME_IMAGE),
    "no phases": (no_phases, RANDOM),
    "works": (working, NOT_TESTED),
}


def judged(data: TripletStore, folder: Path) -> dict[str, Any]:
    stores = [
        PhasedStore(
            phase_dataset(data, Fake(data, answer), folder / f"{i}.zarr", method=name, settings={})
        )
        for i, (name, (answer, _)) in enumerate(FAKES.items())
    ]
    return evaluate(data, stores, folder / "out", 3, protocol="paper")


@pytest.fixture(scope="module")
def of_villin(data: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return judged(data, tmp_path_factory.mktemp("fakes"))


@pytest.fixture(scope="module")
def of_clusters(tiny: TripletStore, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return judged(tiny, tmp_path_factory.mktemp("fakes"))


@pytest.mark.parametrize("name", FAKES)
def test_a_fake_is_called_by_its_name(of_villin: dict[str, Any], name: str) -> None:
    method = of_villin["methods"][name]
    assert method["verdict"] == FAKES[name][1]
    assert any(words.startswith(name) for words in of_villin["warnings"])


@pytest.mark.parametrize("name", FAKES)
def test_a_fake_is_called_by_its_name_among_two_molecules(
    of_clusters: dict[str, Any], name: str
) -> None:
    assert of_clusters["methods"][name]["verdict"] == FAKES[name][1]


def test_random_phases_are_random_although_their_moduli_fit(of_villin: dict[str, Any]) -> None:
    method = of_villin["methods"]["no phases"]
    assert method["r_factor"] < 1e-3
    assert method["phase_error_mean_degrees"][10] == pytest.approx(90, abs=10)


def test_a_method_that_works_but_reads_beyond_the_data_is_warned_of(
    data: TripletStore, tmp_path: Path
) -> None:
    def truth(data: TripletStore, _: Observations, items: list[int]) -> Any:
        return true(data, items)

    phaser = Fake(data, truth)
    store = phase_dataset(data, phaser, tmp_path / "t.zarr", method="truth", settings={})
    metrics = evaluate(data, [PhasedStore(store)], tmp_path / "out", 0, protocol="paper")
    assert any("lies beyond the measured data" in words for words in metrics["warnings"])
    assert metrics["methods"]["truth"]["verdict"] == NOT_TESTED


def test_values_that_are_not_finite_are_one_line(data: TripletStore, tmp_path: Path) -> None:
    def broken(data: TripletStore, _: Observations, items: list[int]) -> Any:
        waves, images = true(data, items)
        return waves, images * torch.nan

    store = phase_dataset(
        data, Fake(data, broken), tmp_path / "t.zarr", method="broken", settings={}
    )
    with pytest.raises(InputError, match=r"t\.zarr: the array 'image' holds values .* not finite"):
        evaluate(data, [PhasedStore(store)], tmp_path / "out", 0, protocol="paper")
