"""A half is merged by itself, and goes on where it was stopped."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from made_up_patterns import LIMIT, grid, of_values, patterns

from diffragan.errors import InputError
from diffragan.io.checkpoints import Checkpoint
from diffragan.reconstruction.many_views.halves import prepare_half, read_with, rotations_of
from diffragan.reconstruction.many_views.orientations import OrientationSettings
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.steps import Steps

ROUNDS = OrientationSettings(rounds=3, wide_trials=4, narrow_trials=2, folds=2)


@pytest.fixture(scope="module")
def some() -> PatternSet:
    return patterns().only(range(0, 24, 2))


def test_refinement_goes_on_from_the_round_where_it_was_stopped(
    some: PatternSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare_half("half1", some, grid(), LIMIT, Steps(tmp_path / "whole"), ROUNDS)
    assert len(whole.rounds) == 3
    write, steps = Steps.write, Steps(tmp_path / "stopped")

    def stop(self: Steps, name: str, checkpoint: Checkpoint) -> None:
        write(self, name, checkpoint)
        raise KeyboardInterrupt

    monkeypatch.setattr(Steps, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare_half("half1", some, grid(), LIMIT, steps, ROUNDS)
    monkeypatch.setattr(Steps, "write", write)
    reads: list[int] = []
    again = prepare_half("half1", read_with(some, reads.append), grid(), LIMIT, steps, ROUNDS)
    assert torch.equal(again.patterns.rotations, whole.patterns.rotations)
    assert torch.equal(again.merged.values, whole.merged.values)
    assert again.rounds == whole.rounds
    taken = prepare_half("half1", read_with(some, reads.append), grid(), LIMIT, steps, ROUNDS)
    assert torch.equal(taken.merged.intensity, whole.merged.intensity)
    assert taken.patterns.kept == whole.patterns.kept
    assert sum(reads) == (2 * 2 + 5) * len(some)


def test_orientations_of_both_halves_come_together(some: PatternSet, tmp_path: Path) -> None:
    first = prepare_half("half1", some, grid(), LIMIT, Steps(tmp_path / "a"))
    turned = replace(some, rotations=some.rotations.flip(-1))
    second = replace(first, patterns=turned)
    found = rotations_of(first, second)
    assert torch.equal(found[::2], some.rotations[::2])
    assert torch.equal(found[1::2], some.rotations.flip(-1)[1::2])


def test_patterns_that_mostly_fit_nothing_are_refused(some: PatternSet, tmp_path: Path) -> None:
    values = some.read(range(40)).clone()
    values[8:16] *= 0.05
    values[16:24] *= 20
    with pytest.raises(InputError, match="hardly of one molecule"):
        prepare_half("half1", of_values(values, some), grid(), LIMIT, Steps(tmp_path))
