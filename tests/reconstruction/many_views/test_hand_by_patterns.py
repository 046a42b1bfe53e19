"""The curvature of the Ewald sphere tells the hand of a molecule, and says when it cannot."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_patterns import LIMIT, counted, grid, patterns
from scipy.spatial.transform import Rotation

from diffragan.reconstruction.many_views.hand import (
    HandsCompared,
    compare_hands,
    with_other_hand,
)
from diffragan.reconstruction.many_views.patterns import PatternSet


def _compared(some: PatternSet) -> HandsCompared:
    return compare_hands(some, with_other_hand(some), grid(), LIMIT)


def test_patterns_tell_the_hand_at_rough_orientations() -> None:
    some = patterns()
    vectors = np.random.default_rng(1).normal(0, np.deg2rad(2) / 3**0.5, (40, 3))
    turns = torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float()
    rough = replace(some, rotations=turns @ some.rotations)
    right, wrong = _compared(rough), _compared(with_other_hand(rough))
    assert right.decided
    assert not right.mirrored
    assert wrong.mirrored
    assert wrong.gain == pytest.approx(-right.gain)
    assert right.words.startswith("right, as the curvature")
    assert wrong.words.endswith("mirrored)")


def test_many_counts_tell_the_hand_and_few_leave_it_open() -> None:
    assert _compared(counted(1e7)).deviations > 3
    few = _compared(counted(100))
    assert not few.decided
    assert not few.mirrored
    assert few.words.startswith("undecided")


def test_patterns_taken_as_flat_fit_either_hand_alike() -> None:
    curved = patterns()
    points = curved.pixels.points * torch.tensor([1.0, 1.0, 0.0])
    flat = _compared(replace(curved, pixels=replace(curved.pixels, points=points)))
    assert abs(flat.gain) < 1e-3 * _compared(curved).gain
