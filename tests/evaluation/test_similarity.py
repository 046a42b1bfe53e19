import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity as reference

from diffragan.evaluation.similarity import (
    blur,
    mean_ssim,
    similar_places,
    ssim_map,
    structural_similarity,
)

seeds = st.integers(0, 10_000)


def images(seed: int, size: int = 40, views: int = 2) -> torch.Tensor:
    return torch.randn(views, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [40, 41])
@pytest.mark.parametrize("noise", [0.05, 0.5, 3.0])
def test_ssim_and_its_map_agree_with_scikit_image(size: int, noise: float) -> None:
    true = images(0, size) + 2 * blur(images(1, size), 4)
    found = 1.3 * true + noise * images(2, size)
    scores, maps = structural_similarity(found, true), ssim_map(found, true)
    for view in range(2):
        one, other = (
            v[view].double().numpy() - v[view].double().mean().item() for v in (found, true)
        )
        score, whole = reference(
            one,
            other,
            data_range=float(np.ptp(other)),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )
        assert float(scores[view]) == pytest.approx(score, abs=1e-5)
        np.testing.assert_allclose(maps[view].numpy(), whole, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_blur_agrees_with_scipy_and_keeps_a_constant(sigma: float) -> None:
    values = images(3, 31)
    expected = gaussian_filter(values[0].double().numpy(), sigma, truncate=3.5, mode="reflect")
    np.testing.assert_allclose(blur(values, sigma)[0].numpy(), expected, atol=1e-5)
    torch.testing.assert_close(
        blur(torch.full((1, 9, 12), 4.0), sigma), torch.full((1, 9, 12), 4.0)
    )


@settings(max_examples=15)
@given(seed=seeds)
def test_the_map_of_a_copy_is_one_everywhere(seed: int) -> None:
    true = images(seed)
    found = ssim_map(true + 5, true)
    torch.testing.assert_close(found, torch.ones_like(true), atol=2e-3, rtol=0)
    assert similar_places(found).all()
    torch.testing.assert_close(mean_ssim(found), torch.ones(2), atol=1e-3, rtol=0)


@settings(max_examples=15)
@given(seed=seeds)
def test_only_what_differs_is_unlike(seed: int) -> None:
    true = images(seed)
    found = true.clone()
    found[:, 20, 20] += 5
    alike = similar_places(ssim_map(found, true))
    assert not alike[:, 20, 20].any()
    outside = torch.ones(40, 40, dtype=torch.bool)
    outside[14:27, 14:27] = False
    assert alike[:, outside].all()


def test_a_flat_image_has_a_finite_map() -> None:
    flat = torch.ones(1, 32, 32)
    assert torch.isfinite(ssim_map(flat, flat)).all()
    assert not similar_places(ssim_map(flat.expand(2, -1, -1), images(4, 32))).all()
