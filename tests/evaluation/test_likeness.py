import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffragan.evaluation.likeness import correlation

few = settings(max_examples=20)
seeds = st.integers(0, 10_000)


def waves(seed: int) -> torch.Tensor:
    return torch.randn(
        3, 15, 16, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed)
    )


@few
@given(seed=seeds)
def test_correlation_of_images_is_that_of_numpy(seed: int) -> None:
    first, second = waves(seed).real, waves(seed).real + waves(seed + 1).real
    for view, found in enumerate(correlation(first, second).tolist()):
        expected = np.corrcoef(first[view].numpy().ravel(), second[view].numpy().ravel())[0, 1]
        assert found == pytest.approx(expected, abs=1e-5)


@few
@given(seed=seeds, angle=st.floats(-3, 3), scale=st.floats(0.1, 10), constant=st.floats(-3, 3))
def test_a_common_phase_costs_its_cosine_and_scale_and_constant_nothing(
    seed: int, angle: float, scale: float, constant: float
) -> None:
    true = waves(seed)
    found = scale * true * torch.polar(torch.tensor(1.0), torch.tensor(angle)) + constant
    expected = torch.full((3,), angle).cos()
    torch.testing.assert_close(correlation(found, true), expected, atol=1e-4, rtol=0)


def test_a_flat_image_correlates_with_nothing() -> None:
    assert correlation(torch.ones(1, 8, 8), torch.rand(1, 8, 8)).tolist() == [0]
