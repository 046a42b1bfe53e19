import numpy as np
import pytest

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.statistics import StatisticsMaker
from diffragan.errors import InputError


def _conditions(pixels: int) -> Conditions:
    return Conditions(np.ones((pixels, pixels), dtype=bool), 0.2, 200.0, 100.0, 100.0)


def test_counts_of_an_even_pattern_have_no_variance_beyond_poissons() -> None:
    random = np.random.default_rng(1)
    frames = random.poisson(6.0, (200, 48, 48))
    middle = np.full((200, 2), 23.5)
    found = StatisticsMaker(_conditions(48)).statistics(frames, middle)
    for excess, scale in (
        (found.speckle, found.speckle_scale),
        (found.broad_speckle, found.broad_scale),
        (found.fine_speckle, found.fine_scale),
    ):
        # The background assumed in a ring falls, this one does not: rings beyond the first few.
        z = excess[:, 6:12] / np.sqrt(2 * scale[:, 6:12])
        assert np.abs(z.mean(0)).max() < 1.0


def test_speckles_have_a_variance_beyond_poissons() -> None:
    random = np.random.default_rng(2)
    y, x = np.indices((48, 48)) - 23.5
    speckle = 1 + 0.6 * np.cos(2 * np.pi * (x + y) / 12)
    frames = random.poisson(6.0 * speckle, (50, 48, 48))
    found = StatisticsMaker(_conditions(48)).statistics(frames, np.full((50, 2), 23.5))
    assert (found.speckle[:, 6:12] / np.sqrt(2 * found.speckle_scale[:, 6:12])).mean() > 3


def test_counts_in_rings_are_all_counts() -> None:
    frames = np.random.default_rng(3).poisson(2.0, (4, 48, 48))
    found = StatisticsMaker(_conditions(48)).statistics(frames, np.full((4, 2), 24.0))
    np.testing.assert_array_equal(found.counts.sum(1), frames.sum((1, 2)))


@pytest.mark.parametrize(
    ("frames", "centres", "message"),
    [
        (np.zeros((2, 40, 48)), np.zeros((2, 2)), "mask of this detector"),
        (np.zeros((2, 48, 48)), np.zeros((3, 2)), "as many centres"),
        (np.full((2, 48, 48), np.nan), np.zeros((2, 2)), "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(
    frames: np.ndarray, centres: np.ndarray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        StatisticsMaker(_conditions(48)).statistics(frames, centres)
