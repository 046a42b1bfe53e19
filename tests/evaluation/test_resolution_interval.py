import pytest
import torch

from diffragan.evaluation.metrics import MeasuredLimit, resolution
from diffragan.evaluation.resampling import mean_interval, resampled_means
from diffragan.evaluation.resolution_interval import interval_of, resolution_interval

LIMIT = MeasuredLimit(70 / 55, 70 / 55 / 2**0.5, 65, 70.0)


def normal(views: int, seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(views, *shape, generator=generator, dtype=torch.float64)


def falling(views: int, seed: int) -> torch.Tensor:
    """Curves that fall through 0.5 at about ring 30, each somewhere else."""
    middle = 30 + 4 * normal(views, seed, 1)
    return torch.sigmoid((middle - torch.arange(1, 65)) / 3)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = normal(2000, 0, 1)
    found = mean_interval(values)
    assert found is not None
    expected = 1.96 * float(values.std()) / 2000**0.5
    assert float(found[1] - values.mean()) == pytest.approx(expected, rel=0.08)
    assert float(values.mean() - found[0]) == pytest.approx(expected, rel=0.08)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # One draw for all trials would make them fail together, so each trial is a column.
    found = mean_interval(normal(40, 1, 500))
    assert found is not None
    held = ((found[0] <= 0) & (found[1] >= 0)).double().mean()
    assert 0.9 <= float(held) <= 0.98


def test_a_draw_is_the_mean_of_views_drawn_with_replacement() -> None:
    means = resampled_means(torch.eye(4, dtype=torch.float64))
    torch.testing.assert_close(means.sum(1), torch.ones(len(means), dtype=torch.float64))
    assert torch.equal(4 * means, (4 * means).round())
    assert means.mean(0).sub(0.25).abs().max() < 0.03


def test_one_view_has_no_interval() -> None:
    assert resolution_interval(falling(1, 0), LIMIT) is None


def test_equal_views_have_an_interval_of_no_width() -> None:
    curves = falling(1, 0).expand(8, -1)
    angstrom = resolution(curves[0], LIMIT).angstrom
    assert resolution_interval(curves, LIMIT) == pytest.approx((angstrom, angstrom))


def test_the_interval_of_a_resolution_narrows_with_more_views() -> None:
    def width(views: int) -> float:
        curves = falling(views, 1)
        found = resolution_interval(curves, LIMIT)
        assert found is not None
        assert found[0] <= resolution(curves.mean(0), LIMIT).angstrom <= found[1]
        return found[1] - found[0]

    assert width(200) < 0.5 * width(10)


def test_any_number_read_from_the_mean_has_an_interval() -> None:
    values = normal(50, 2, 2)
    found = interval_of(values, lambda mean: float(mean[0] - mean[1]))
    assert found is not None
    assert found[0] < float(values[:, 0].mean() - values[:, 1].mean()) < found[1]
