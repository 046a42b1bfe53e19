"""The nearest training projection as a control."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.evaluation import nearest_projection
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.nearest_projection import (
    check_training,
    judge_nearest,
    nearest_projections,
)
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.scores import read_truth, score_batch
from diffragan.evaluation.training_pattern import mean_pattern
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import compressed_modulus, contrast
from diffragan.phasing.protocol import read_observations
from diffragan.simulation.dataset import simulate_dataset
from tiny_data import TINY, cluster, tiny_data


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TripletStore:
    """Ten views of each of three molecules, two of them the judged ones from elsewhere."""
    path = tmp_path_factory.mktemp("training") / "training.zarr"
    molecules = [cluster(name, seed) for seed, name in enumerate(("alpha", "beta", "gamma"))]
    experiment = Experiment.model_validate({**TINY.model_dump(), "orientations": 10})
    return TripletStore(simulate_dataset(molecules, experiment, 7, path, workers=1))


def naive_distances(data: TripletStore, item: int, training: TripletStore) -> np.ndarray:
    """The definition, on the full grids."""
    ours, theirs = full_grids(data, [item]), full_grids(training, range(len(training)))
    parts = [
        (first - second).square().flatten(1).mean(1) / second.square().mean()
        for first, second in zip(ours, theirs, strict=True)
    ]
    return torch.sqrt(parts[0] + parts[1]).numpy()


def full_grids(data: TripletStore, items: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    seen = read_observations(data, items)
    roots = compressed_modulus(seen.diffraction, seen.measured)[..., seen.measured]
    return roots, contrast(seen.low_resolution, seen.low_resolution_dose, seen.experiment)


def test_nearest_is_the_one_of_least_distance_as_defined(
    tiny: TripletStore, training: TripletStore
) -> None:
    found = nearest_projections(tiny, [2, 7], training)
    for row, item in enumerate((2, 7)):
        naive = naive_distances(tiny, item, training)
        assert found.items[row] == int(naive.argmin())
        assert found.distances[row] == pytest.approx(naive.min(), rel=2e-3)


def test_a_view_that_was_trained_on_is_found(tiny: TripletStore, tmp_path: Path) -> None:
    # The same seed gives the same first views.
    more = tiny_data(tmp_path / "more.zarr", ("alpha", "beta"), orientations=6)
    found = nearest_projections(tiny, [1, 6], more)
    assert found.items == [1, 8]
    assert max(found.distances) < 1e-3
    scores = judge_nearest(tiny, [1, 6], more, found, measured_limit(tiny.experiment))
    assert scores.summary()["resolution_reaches_limit"]


def test_blocks_and_batches_change_nothing(
    tiny: TripletStore, training: TripletStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = list(range(len(tiny)))
    whole = nearest_projections(tiny, items, training)
    monkeypatch.setattr(nearest_projection, "TEST_BLOCK", 3)
    monkeypatch.setattr(nearest_projection, "TRAINING_BATCH", 7)
    parts = nearest_projections(tiny, items, training)
    assert parts.items == whole.items
    assert parts.distances == pytest.approx(whole.distances, rel=1e-3)


def test_its_answer_is_the_true_image_of_the_training_view(
    tiny: TripletStore, training: TripletStore
) -> None:
    limit = measured_limit(tiny.experiment)
    found = nearest_projections(tiny, [0, 5], training)
    scores = judge_nearest(tiny, [0, 5], training, found, limit)
    assert scores.items == [0, 5]
    answer, truth = (read_truth(s, [i]) for s, i in ((training, found.items[1]), (tiny, 5)))
    expected = score_batch(answer.waves, answer.images, truth, limit).frc
    torch.testing.assert_close(scores.curves([5]), expected, rtol=0, atol=1e-5)


def test_training_on_the_judged_data_or_on_other_settings_is_refused(
    tiny: TripletStore, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is the data set that is judged"):
        check_training(tiny, tiny)
    other = tiny_data(tmp_path / "other.zarr", orientations=1, image_pixels=40)
    with pytest.raises(InputError, match=r"image_pixels 40, .*tiny\.zarr has 48"):
        check_training(tiny, other)


def test_mean_pattern_is_the_mean(training: TripletStore) -> None:
    expected = training.patterns().astype(np.float64).mean(0)
    assert mean_pattern(training).numpy() == pytest.approx(expected, rel=1e-5)


def test_training_data_add_their_controls_to_the_evaluation(
    tiny: TripletStore, tiny_low: PhasedStore, training: TripletStore, tmp_path: Path
) -> None:
    metrics = evaluate(
        tiny, [tiny_low], tmp_path, control_views=2, protocol="paper", training=training
    )
    control = metrics["controls"]["nearest_training_projection"]
    assert control["views"] == len(control["training_items"]) == len(tiny)
    assert metrics["provenance"]["inputs"]["training"] == training.identity
    mean = metrics["methods"]["low-resolution"]["controls"]["mean_diffraction"]
    assert mean["pattern_of"] == "the mean of the training data"
