"""A broken step, loss, average or network cannot learn a few views by heart."""

from pathlib import Path

import pytest
import torch

from diffragan.io.training_log import read_log
from diffragan.io.triplets import TripletStore
from diffragan.phasing.weights import make_network, read_unrolled
from diffragan.training.unrolled.state import make_state
from diffragan.training.unrolled.validation import Figures, validate, validation_lessons
from diffragan.training.unrolled.waves import read_pool
from tiny_unrolled import BY_HEART


@pytest.mark.slow
def test_views_are_learned_by_heart(villin_network: Path, villin_data: Path) -> None:
    """The wave beyond what the image shows, and where the molecule is."""
    store = TripletStore(villin_data)
    pool = read_pool(store, BY_HEART.network)
    lessons = validation_lessons(pool, store.experiment, BY_HEART)
    nyquist = 1 / (2 * pool.grid.pixel_angstrom)

    def judged(network: torch.nn.Module) -> Figures:
        return validate(network, lessons, torch.device("cpu"), nyquist)

    before = judged(make_state(BY_HEART, torch.device("cpu")).average)
    after = judged(make_network(read_unrolled(villin_network)))
    assert before.frc < 0.45
    assert after.frc > before.frc + 0.2
    assert after.resolution_angstrom < 0.9 * before.resolution_angstrom
    assert before.envelope_overlap == 0
    assert after.envelope_overlap > 0.8
    last = read_log(villin_network / "training.csv", BY_HEART.steps)[-1]
    assert float(last["validation_frc"]) == pytest.approx(after.frc, rel=1e-3)
