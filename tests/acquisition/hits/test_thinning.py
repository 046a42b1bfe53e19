"""Bright frames are judged by a share of their electrons."""

import numpy as np
import pytest

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.thinning import share_looked_at, thinned

SATURATION = 4000
SHARE = 0.3


def _frames() -> np.ndarray:
    mean = np.where(np.arange(64) < 8, 40.0, 2.0)
    frames = np.random.default_rng(0).poisson(mean, (12, 64, 64)).astype(np.uint16)
    frames[3, 5, 5] = SATURATION
    return frames


def _conditions(**others: float) -> Conditions:
    return Conditions(np.ones((8, 8), np.bool_), 0.2, 200.0, 1000.0, 100.0, **others)


def test_counts_stay_those_of_poisson() -> None:
    some = thinned(_frames(), 0, SHARE, None)[:3].astype(float)
    for columns, mean in ((slice(8), 40.0), (slice(8, None), 2.0)):
        values = some[:, :, columns]
        assert values.mean() == pytest.approx(SHARE * mean, rel=0.03)
        assert values.var() == pytest.approx(SHARE * mean, rel=0.1)


def test_a_frame_keeps_the_same_electrons_in_whatever_block_it_comes() -> None:
    frames = _frames()
    together = thinned(frames, 7, SHARE, SATURATION)
    parts = [thinned(frames[n : n + 1], 7 + n, SHARE, SATURATION) for n in range(len(frames))]
    assert np.array_equal(together, np.concatenate(parts))
    assert (together <= frames).all()


def test_saturated_pixels_stay_saturated() -> None:
    assert thinned(_frames(), 0, SHARE, SATURATION)[3, 5, 5] == SATURATION


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.uint64])
def test_counts_of_any_type_are_thinned(dtype: type[np.integer]) -> None:
    same = np.minimum(_frames(), min(np.iinfo(dtype).max, 255))
    frames = same.astype(dtype)
    assert np.array_equal(thinned(frames, 0, SHARE, None), thinned(same, 0, SHARE, None))
    assert share_looked_at(_conditions(), frames.dtype) == pytest.approx(0.3)


def test_the_largest_count_there_can_be_and_negative_ones_are_thinned() -> None:
    largest = np.full((1, 2, 2), np.iinfo(np.uint64).max, np.uint64)
    assert (thinned(largest, 0, SHARE, None) > 0).all()
    dead = np.full((1, 2, 2), -1, np.int32)
    assert (thinned(dead, 0, SHARE, None) == 0).all()


def test_faint_frames_and_values_that_are_no_electrons_stay_as_they_are() -> None:
    frames = _frames()
    assert thinned(frames, 0, 1.0, None) is frames
    assert share_looked_at(_conditions(), np.dtype(np.float32)) == 1
    assert share_looked_at(_conditions(counts_per_electron=20.0), frames.dtype) == 1
    assert share_looked_at(_conditions(offset_counts=5.0), frames.dtype) == 1
