"""What a run is judged by it never learned from, and the seed alone says what it sees when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.config.training import TrainingSettings
from diffragan.fourier import resample
from diffragan.io.store import Array
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import Encoding, contrast, encode_image, encode_observed
from diffragan.physics.forward import diffraction_pattern, image, measured_region, phase_object
from diffragan.training import loop, session
from diffragan.training.augmentation import augment, quarter_turns, shifted
from diffragan.training.data import (
    Batch,
    Views,
    batch_items,
    fit_to_training_views,
    split_views,
)
from diffragan.typing import Waves

seeds = st.integers(0, 2**31)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=40), st.floats(0.01, 0.99), seeds)
def test_no_view_and_of_three_structures_no_structure_is_on_both_sides(
    owners: list[int], fraction: float, seed: int
) -> None:
    structure = np.array(owners)
    split = split_views(structure, fraction, seed)
    assert sorted(split.training + split.validation) == list(range(len(owners)))
    assert split.training
    assert split.validation
    if len(set(owners)) >= 3:
        assert not set(structure[split.training]) & set(structure[split.validation])
    assert split == split_views(structure, fraction, seed)


@given(st.integers(2, 30), st.integers(1, 9), st.integers(1, 9), seeds)
def test_the_order_of_views_does_not_depend_on_how_many_come_at_a_time(
    views: int, batch: int, other: int, seed: int
) -> None:
    def shown(size: int) -> list[int]:
        steps = range(2 * views // size + 1)
        return [i for step in steps for i in batch_items(range(views), size, step, seed)]

    common = 2 * views
    assert shown(batch)[:common] == shown(other)[:common]


class Spy(TripletStore):
    """A data set that notes which items are read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.items: set[int] = set()

    def read(self, name: str, items: Sequence[int] | None = None) -> Array:
        self.items |= set(items or [])
        return super().read(name, items)


def test_scales_are_fitted_to_training_views_alone(villin_data: Path) -> None:
    data = Spy(villin_data)
    split = split_views(data.read("structure"), 0.3, seed=4)
    fit_to_training_views(data, split, pixels=32)
    assert data.items == set(split.training)


def test_a_run_takes_no_step_on_a_view_it_validates_on(
    villin_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned, judged = set(), set()
    receiver = [learned]
    read, judge = Views.batch, session.validate

    def noting_batch(views: Views, items: Sequence[int]) -> Batch:
        receiver[-1].update(items)
        return read(views, items)

    def noting_validate(*arguments: Any, **options: Any) -> Any:
        receiver.append(judged)
        try:
            return judge(*arguments, **options)
        finally:
            receiver.pop()

    monkeypatch.setattr(Views, "batch", noting_batch)
    monkeypatch.setattr(session, "validate", noting_validate)
    settings = TrainingSettings(
        generator=GeneratorSettings(pixels=32, width=4, depth=3),
        discriminator=DiscriminatorSettings(width=4),
        steps=4,
        batch=4,
        validation_fraction=0.25,
        validate_every=2,
    )
    loop.train(villin_data, settings, tmp_path / "run")
    assert (len(learned), len(judged)) == (6, 2)
    assert not learned & judged


def encoded_view(wave: Waves, experiment: Experiment, encoding: Encoding) -> Batch:
    """What the networks would be given of a wave, without counting noise."""
    side, grid = experiment.diffraction_pixels, experiment.wave_grid
    low, high = (
        image(wave, grid, optics, experiment.electron, experiment.image_pixels)
        for optics in (experiment.low_resolution, experiment.high_resolution)
    )
    contrasts = contrast(
        low * experiment.image_grid.pixel_angstrom**2, torch.ones(len(wave)), experiment
    )
    measured = measured_region(side, experiment.diffraction.direct_beam_pixels)
    pattern = diffraction_pattern(wave, side)
    return Batch(
        encode_observed(pattern, measured, contrasts, encoding),
        encode_image(high, encoding)[:, None],
    )


def test_an_augmented_view_is_what_the_experiment_would_see_of_a_turned_and_moved_molecule() -> (
    None
):
    overrides = {"box_angstrom": 40, "wave_pixels": 64, "image_pixels": 64}
    experiment = load_experiment("quick", overrides=overrides)
    encoding = Encoding(64, 0.01, 0.05, 0.3, 0.02)
    generator = torch.Generator().manual_seed(0)
    rough = resample(torch.randn(1, 40, 40, generator=generator), 64).real
    wave = phase_object(0.2 * rough).expand(8, 64, 64)
    made = augment(encoded_view(wave, experiment, encoding), seed=3, step=5)
    turned = [encoded_view(quarter_turns(wave[:1], n), experiment, encoding) for n in range(4)]
    poses = set()
    for observed, truth in zip(made.observed, made.truth, strict=True):
        fits = [
            (n, y, x)
            for n, view in enumerate(turned)
            for y in range(-4, 5)
            for x in range(-4, 5)
            if torch.allclose(shifted(view.truth[0], (y, x)), truth, atol=1e-4)
        ]
        assert len(fits) == 1
        turns, *by = fits[0]
        poses.add(fits[0])
        moved = shifted(quarter_turns(wave[:1], turns), by)
        expected = encoded_view(moved, experiment, encoding)
        torch.testing.assert_close(observed, expected.observed[0], rtol=1e-3, atol=2e-3)
        torch.testing.assert_close(truth, expected.truth[0], rtol=1e-3, atol=1e-3)
    assert len(poses) > 4
