"""Patterns and image together know more than either."""

import numpy as np
import pytest
from numpy.typing import NDArray

from diffragan.acquisition.agreement import Evidence, agreed

FRAMES = 20_000


def scan(
    seed: int, share: float = 0.03
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Hits, a calibrated but doubtful probability of each frame, and what the image shows."""
    generator = np.random.default_rng(seed)
    hits = generator.random(FRAMES) < share
    told = generator.normal(np.where(hits, 2.0, 0.0), 1.0)
    odds = np.exp(2 * told - 2) * share / (1 - share)
    seen = generator.random(FRAMES) < np.where(hits, 0.5, 0.01)
    return hits, odds / (1 + odds), np.where(seen, Evidence.ONE, Evidence.NOTHING)


def test_both_together_are_calibrated_and_surer() -> None:
    """Independent errors: Bayes with the true shares is what is found, to a part in ten."""
    hits, alone, evidence = scan(3)
    together = agreed(alone, evidence)
    assert together.sum() == pytest.approx(hits.sum(), rel=0.1)
    ratio = np.where(evidence == Evidence.ONE, 0.5 / 0.01, 0.5 / 0.99)
    odds = alone / (1 - alone) * ratio
    assert np.abs(together - odds / (1 + odds)).mean() < 0.01
    sure = together > 0.95
    assert hits[sure].mean() > 0.93
    assert sure.sum() > 3 * (alone > 0.95).sum()


def test_an_image_that_knows_nothing_changes_nothing() -> None:
    _, alone, _ = scan(4)
    evidence = np.random.default_rng(0).integers(0, 2, FRAMES)
    assert np.abs(agreed(alone, evidence) - alone).max() < 0.15


def test_kinds_that_are_never_seen_are_no_trouble() -> None:
    together = agreed(np.array([0.0, 1.0, 0.5]), np.zeros(3, np.int64))
    assert np.isfinite(together).all()
    assert together[0] < 0.01
    assert together[1] > 0.9
