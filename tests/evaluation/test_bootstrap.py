import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffragan.evaluation.bootstrap import (
    mean_interval,
    resampled_means,
    resolution_interval,
    statistic_interval,
)
from diffragan.evaluation.metrics import MeasuredLimit, resolution

LIMIT = MeasuredLimit(70 / 55, 70 / 55 / 2**0.5, 65, 70.0)


def normal(views: int, seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(views, *shape, generator=generator, dtype=torch.float64)


def falling(views: int, seed: int) -> torch.Tensor:
    """Curves that fall through 0.5 at about ring 30, each somewhere else."""
    middle = 30 + 4 * normal(views, seed, 1)
    return torch.sigmoid((middle - torch.arange(1, 65)) / 3)


@given(st.integers(0, 1000))
def test_the_same_seed_gives_the_same_interval_around_the_mean(seed: int) -> None:
    values = normal(12, seed, 3)
    first, second = mean_interval(values, seed), mean_interval(values, seed)
    assert first.low is not None
    assert first.high is not None
    assert second.low is not None
    assert torch.equal(first.low, second.low)
    assert (first.low <= first.value).all()
    assert (first.value <= first.high).all()


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = normal(2000, 0)
    found = mean_interval(values, resamples=4000)
    expected = 1.96 * float(values.std()) / 2000**0.5
    assert found.high is not None
    assert found.low is not None
    assert float(found.high - found.value) == pytest.approx(expected, rel=0.06)
    assert float(found.value - found.low) == pytest.approx(expected, rel=0.06)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        found = mean_interval(normal(30, seed), seed, resamples=300)
        assert found.low is not None
        assert found.high is not None
        held += int(found.low <= 0 <= found.high)
    assert 0.88 <= held / 200 <= 0.99


def test_one_view_has_no_interval() -> None:
    found = mean_interval(normal(1, 0, 4))
    assert found.low is None
    assert found.high is None
    assert resolution_interval(falling(1, 0), LIMIT) is None


def test_equal_views_have_an_interval_of_no_width() -> None:
    curves = falling(1, 0).expand(8, -1)
    angstrom = resolution(curves[0], LIMIT).angstrom
    assert resolution_interval(curves, LIMIT) == pytest.approx((angstrom, angstrom))


def test_the_interval_of_a_resolution_narrows_with_more_views() -> None:
    def width(views: int) -> float:
        curves = falling(views, 1)
        found = resolution_interval(curves, LIMIT, resamples=400)
        assert found is not None
        assert found[0] <= resolution(curves.mean(0), LIMIT).angstrom <= found[1]
        return found[1] - found[0]

    assert width(200) < 0.5 * width(10)


def test_a_draw_is_the_mean_of_views_drawn_with_replacement() -> None:
    means = torch.cat(list(resampled_means(torch.eye(4), seed=5, resamples=600)))
    assert means.shape == (600, 4)
    torch.testing.assert_close(means.sum(1), torch.ones(600, dtype=torch.float64))
    assert torch.equal(4 * means, (4 * means).round())
    assert means.mean(0).sub(0.25).abs().max() < 0.05


def test_any_number_read_from_the_mean_has_an_interval() -> None:
    values = normal(50, 2, 2)
    found = statistic_interval(values, lambda mean: float(mean[0] - mean[1]))
    assert found is not None
    assert found[0] < float(values[:, 0].mean() - values[:, 1].mean()) < found[1]
