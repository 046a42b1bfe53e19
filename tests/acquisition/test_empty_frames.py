"""The background of hits, from the frames about them that hit nothing."""

import numpy as np
import pytest
import torch

from diffragan.acquisition.calibration.background import mean_background
from diffragan.acquisition.empty_frames import _middle_half


def test_the_scale_of_a_group_is_that_of_its_middle_half() -> None:
    expected = np.full((2, 24), 1000.0)
    found = expected * np.array([[1.3], [0.8]])
    found[0, :4], found[1, 5:9] = 9000.0, 0.0
    assert _middle_half(found, expected) == pytest.approx([1.3, 0.8], abs=0.01)


def test_where_next_to_nothing_is_counted_the_scale_is_the_usual_one() -> None:
    assert _middle_half(np.zeros((1, 24)), np.full((1, 24), 0.01)) == pytest.approx([1], abs=0.01)


@pytest.mark.parametrize("rate", [0.001, 20.0])
def test_the_mean_background_of_faint_and_bright_frames_is_their_mean(rate: float) -> None:
    random = np.random.default_rng(2)
    thickness = 1 + 0.2 * random.standard_normal(200).clip(-2, 2)
    pixels = np.full((200, 12), 50.0)
    sums = random.poisson(rate * thickness[:, None] * pixels).astype(float)
    found = mean_background(sums, pixels, (4, 10))
    error = 4 * (rate * 200 * 50) ** -0.5 + 0.02
    assert found.profile.numpy() == pytest.approx(np.full(12, rate), rel=error)
    assert found.frames == 200
    assert torch.isfinite(found.error).all()
