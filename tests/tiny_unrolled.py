"""A tiny unrolled network: its settings, and weights of it without a training."""

from pathlib import Path
from typing import Any

import torch

from diffragan.config.unrolled import UnrolledSettings
from diffragan.config.unrolled_training import ConditionSettings, UnrolledTraining
from diffragan.io.checkpoints import write_checkpoint
from diffragan.phasing.weights import UnrolledWeights, read_unrolled
from diffragan.training.unrolled.state import checkpoint_of, make_state
from diffragan.training.unrolled.validation import PAPER_CONDITIONS

TINY_NETWORK = UnrolledSettings(pixel_angstrom=1.0, stages=2, width=8, depth=2, memory=2)
TINY_CONDITIONS = ConditionSettings(box_angstrom=(20.0, 32.0), shift_angstrom=2.0)
"""For the molecules of `tiny_data`, which are 11 Å long."""

BY_HEART = UnrolledTraining(
    network=UnrolledSettings(pixel_angstrom=1.4, stages=2, width=8, depth=3, memory=2),
    conditions=PAPER_CONDITIONS.model_copy(update={"box_angstrom": (60.0, 70.0)}),
    steps=240,
    batch=4,
    learning_rate=4e-3,
    warmup_steps=10,
    average_decay=0.95,
    validation_views=4,
    validate_every=120,
    checkpoint_every=240,
    precision="32-true",
)
"""A training that learns a few views of one protein by heart, in a quarter of a minute."""


def tiny_training(**changes: Any) -> UnrolledTraining:
    """Settings of a training that takes a twentieth of a second a step."""
    settings = UnrolledTraining(
        network=TINY_NETWORK,
        conditions=TINY_CONDITIONS,
        steps=6,
        batch=2,
        learning_rate=3e-3,
        warmup_steps=2,
        validation_views=2,
        validate_every=2,
        checkpoint_every=2,
        precision="32-true",
    )
    return settings.model_copy(update=changes)


def some_weights(folder: Path, settings: UnrolledTraining | None = None, stir: float = 0.0) -> Path:
    """Write a folder like the packaged one, with first weights.

    Parameters
    ----------
    stir : Standard deviation of what is added to all weights; before a training the last layers are
        zero, and nothing depends on the others.
    """
    settings = settings or tiny_training()
    state = make_state(settings, torch.device("cpu"))
    generator = torch.Generator().manual_seed(settings.seed)
    for values in state.average.parameters():
        values.add_(stir * torch.randn(values.shape, generator=generator))
    described = {"kind": "unrolled", "settings": settings.model_dump(mode="json")}
    write_checkpoint(folder, checkpoint_of(state, described))
    return folder


def read_some_weights(folder: Path, **changes: Any) -> UnrolledWeights:
    """Write and read weights at once."""
    return read_unrolled(some_weights(folder, **changes))
