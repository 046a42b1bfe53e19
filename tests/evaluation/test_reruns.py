"""Methods run again with an input replaced: what is handed over, and what is left of the score."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from diffragan.errors import InputError
from diffragan.evaluation import reruns
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.reruns import (
    CONTROLS_OF_METHODS,
    MEAN_DIFFRACTION,
    NO_DIFFRACTION,
    WRONG_DIFFRACTION,
    WRONG_IMAGE,
    RerunPlace,
    rerun_controls,
)
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Observations, PhasedWaves, read_observations


class Listening:
    """Notes what it is given, and answers with waves of random phases."""

    def __init__(self, data: TripletStore) -> None:
        self._data = data
        self.seen: list[Observations] = []

    def phase(self, observations: Observations) -> PhasedWaves:
        self.seen.append(observations)
        count, experiment = len(observations), observations.experiment
        generator = torch.Generator().manual_seed(count)
        pixels = experiment.wave_pixels
        waves = torch.randn(count, pixels, pixels, generator=generator, dtype=torch.complex64)
        side = experiment.image_pixels
        images = torch.randn(count, side, side, generator=generator)
        return PhasedWaves(waves, images, torch.zeros(count))


@pytest.fixture
def listening(tiny: TripletStore, monkeypatch: pytest.MonkeyPatch) -> Listening:
    listener = Listening(tiny)
    monkeypatch.setattr(reruns, "phaser_of", lambda *_: listener)
    return listener


def place_of(data: TripletStore, items: list[int], **more: Any) -> RerunPlace:
    return RerunPlace(data, items, measured_limit(data.experiment), **more)


def test_each_control_replaces_one_input_and_leaves_the_other(
    tiny: TripletStore, tiny_low: PhasedStore, listening: Listening
) -> None:
    mean = torch.rand(tiny.read("measured").shape)
    found = rerun_controls(place_of(tiny, [1, 6], mean_pattern=mean), tiny_low)
    assert list(found) == list(CONTROLS_OF_METHODS)
    own, other = read_observations(tiny, [1, 6]), found[WRONG_DIFFRACTION].described
    assert other["pattern_items"] == found[WRONG_IMAGE].described["image_items"]
    theirs = read_observations(tiny, other["pattern_items"])
    wrong, none, average, image = listening.seen
    for given in (wrong, none, average):
        assert torch.equal(given.low_resolution, own.low_resolution)
    assert torch.equal(wrong.diffraction, theirs.diffraction)
    assert not none.diffraction.any()
    assert torch.equal(average.diffraction[1], mean)
    assert torch.equal(image.diffraction, own.diffraction)
    assert torch.equal(image.low_resolution, theirs.low_resolution)
    assert torch.equal(image.low_resolution_dose, theirs.low_resolution_dose)


def test_without_training_data_there_is_no_mean_pattern(
    tiny: TripletStore, tiny_low: PhasedStore
) -> None:
    found = rerun_controls(place_of(tiny, [0]), tiny_low)
    assert found[MEAN_DIFFRACTION].described == {"not_run": "no training data were given"}
    assert found[MEAN_DIFFRACTION].scores is None
    assert found[NO_DIFFRACTION].scores is not None


def test_a_method_that_refuses_an_input_says_why_and_is_run_with_the_others(
    tiny: TripletStore, tiny_low: PhasedStore, listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer: Callable[[Observations], PhasedWaves] = listening.phase

    def phase(observations: Observations) -> PhasedWaves:
        if not observations.diffraction.any():
            raise InputError("the pattern is empty")
        return answer(observations)

    monkeypatch.setattr(listening, "phase", phase)
    found = rerun_controls(place_of(tiny, [0, 5]), tiny_low)
    assert found[NO_DIFFRACTION].summary() == {"not_run": "the pattern is empty"}
    assert found[WRONG_IMAGE].summary()["views"] == 2


def test_the_image_alone_does_not_change_with_the_pattern_but_with_the_image(
    tiny: TripletStore, tiny_low: PhasedStore
) -> None:
    found = {n: r.summary() for n, r in rerun_controls(place_of(tiny, [1, 6]), tiny_low).items()}
    assert found[WRONG_DIFFRACTION]["frc_mean"] == found[NO_DIFFRACTION]["frc_mean"]
    assert found[WRONG_IMAGE]["frc_mean"] != found[WRONG_DIFFRACTION]["frc_mean"]


def test_no_control_views_run_nothing(tiny: TripletStore, tiny_low: PhasedStore) -> None:
    for rerun in rerun_controls(place_of(tiny, []), tiny_low).values():
        assert rerun.summary() == {"not_run": "no control views were asked for"}


@pytest.mark.parametrize("method", ["hio", "raar", "er"])
def test_iterations_without_a_pattern_come_to_an_end(
    tiny: TripletStore, tiny_er: PhasedStore, method: str
) -> None:
    store = PhasedStore(tiny_er.store.path)
    store.store.attributes["method"] = method
    rerun = rerun_controls(place_of(tiny, [1]), store)[NO_DIFFRACTION]
    assert rerun.scores is not None
    assert abs(float(rerun.scores.score([1]))) < 0.5
