"""A training on views that are simulated while they are needed."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
import torch

from diffragan.cli.train_stream import FreshViews
from diffragan.config.networks import GeneratorSettings
from diffragan.config.stream import StreamSettings
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.checkpoints import LAST, read_run
from diffragan.io.training_log import read_log
from diffragan.training.loop import train
from diffragan.training.material import Share
from diffragan.training.streamed import FIRST_VALIDATION_VIEW, encoded, streamed_material
from tiny_data import TINY, cluster, tiny_data

SETTINGS = TrainingSettings(
    generator=GeneratorSettings(pixels=32, width=4, depth=3),
    steps=4,
    batch=2,
    validate_every=2,
    validation_views=3,
)


def fresh(seed: int = 0, workers: int = 0, **changes: object) -> FreshViews:
    settings = StreamSettings.model_validate(changes)
    return FreshViews([cluster("alpha", 0), cluster("beta", 1)], TINY, settings, seed, workers)


def test_the_shares_of_two_processes_are_the_batch_of_one() -> None:
    def numbers(share: Share, first: int) -> list[list[int]]:
        with closing(fresh().shares(first, share, "cpu")) as batches:
            return [batch.number.tolist() for batch in islice(batches, 3)]

    alone = numbers(Share(4), 5)
    assert alone == [[20, 21, 22, 23], [24, 25, 26, 27], [28, 29, 30, 31]]
    first, second = (numbers(Share(4, process, 2), 5) for process in (0, 1))
    assert [a + b for a, b in zip(first, second, strict=True)] == alone


def test_a_stopped_run_sees_the_views_it_would_have_seen(tmp_path: Path) -> None:
    train(fresh(workers=1), SETTINGS, tmp_path / "straight")
    train(fresh(), SETTINGS.model_copy(update={"steps": 2}), tmp_path / "halves")
    train(fresh(), SETTINGS, tmp_path / "halves", resume=True)
    one, other = (read_run(tmp_path / name, LAST) for name in ("straight", "halves"))
    for part, tensors in one.tensors.items():
        assert all(torch.equal(value, other.tensors[part][name]) for name, value in tensors.items())
    assert one.description["is_streamed"] is True
    rows = read_log(tmp_path / "straight" / "training.csv", 4)
    assert [float(row["epoch"]) for row in rows] == [0.5, 1.0]  # 2 molecules, 4 orientations each


def test_views_judged_are_none_that_are_learned_from_and_always_the_same() -> None:
    stream = fresh()
    material = streamed_material(stream, None, SETTINGS, None, "cpu")
    expected = stream.make([FIRST_VALIDATION_VIEW + 1], "cpu")
    batch = encoded(expected, TINY, material.encoding)
    assert torch.equal(material.validation.batch([1]).observed, batch.observed)
    assert list(material.validation_items) == [0, 1, 2]


def test_a_validation_set_may_be_given_and_must_fit(tmp_path: Path) -> None:
    stream = fresh()
    held_out = tiny_data(tmp_path / "held.zarr", ("alpha",)).store.path
    material = streamed_material(stream, held_out, SETTINGS, None, "cpu")
    assert len(material.validation_items) == 4
    assert "alpha" in material.notes[0]
    other = tiny_data(tmp_path / "other.zarr", energy_kev=180).store.path
    with pytest.raises(InputError, match=r"energy_kev 180.*200.*diffragan simulate"):
        streamed_material(stream, other, SETTINGS, None, "cpu")


def test_the_identity_is_that_of_the_views() -> None:
    same = fresh(batch=3, window=2)
    assert same.identity == fresh().identity
    assert fresh(1).identity != fresh().identity
    assert fresh(low_resolution_dose_e_per_a2=(5.0, 50.0)).identity != fresh().identity
