"""SSIM: how alike two images look, place by place and on the whole."""

from functools import lru_cache

import torch

from diffragan.typing import Bool, Float, Images, Tensor

SIGMA_PIXELS = 1.5
TRUNCATE = 3.5
"""The window ends this many standard deviations from its middle, at 5 pixels."""
K1, K2 = 0.01, 0.03
"""Keep the quotient finite where an image is flat; as in the source."""
SIMILAR = 0.7
"""The paper's threshold: above it a place counts as recovered."""


def ssim_map(recovered: Images, true: Images) -> Float[Tensor, "*batch y x"]:
    """SSIM at every pixel of images `(..., y, x)`; 1 where they are alike.

    S = (2 m_a m_b + c1) (2 s_ab + c2) / ((m_a^2 + m_b^2 + c1) (s_a^2 + s_b^2 + c2)) in a Gaussian
    window with a standard deviation of 1.5 pixels; images continue by reflection at their edges.
    Means are taken off first, and the data range is that of each true image, so that neither a
    constant nor the choice of the other views counts.

    Source: Wang et al., IEEE Trans. Image Process. 13 (2004) 600, eq. 13.
    """
    span = (true.amax((-2, -1)) - true.amin((-2, -1)))[..., None, None]
    scale = torch.where(span > 0, span, 1.0)
    first, second = ((v - v.mean((-2, -1), keepdim=True)) / scale for v in (recovered, true))
    stacked = torch.stack([first, second, first**2, second**2, first * second])
    mean_a, mean_b, square_a, square_b, product = blur(stacked, SIGMA_PIXELS)
    both, squares = mean_a * mean_b, mean_a**2 + mean_b**2
    c1, c2 = K1**2, K2**2
    found: Tensor = ((2 * both + c1) * (2 * (product - both) + c2)) / (
        (squares + c1) * (square_a + square_b - squares + c2)
    )
    return found


def structural_similarity(recovered: Images, true: Images) -> Float[Tensor, " item"]:
    """SSIM of each of the images `(item, y, x)`; 1 for a copy.

    Mean of `ssim_map` where the window lies inside the image.

    Source: Wang et al., IEEE Trans. Image Process. 13 (2004) 600, eqs. 13 and 17.
    """
    return mean_ssim(ssim_map(recovered, true))


def mean_ssim(ssim: Float[Tensor, "*batch y x"]) -> Float[Tensor, "*batch"]:
    """Mean of a map of SSIM where the window lies inside the image."""
    margin = _reach(SIGMA_PIXELS)
    return ssim[..., margin:-margin, margin:-margin].mean((-2, -1))


def similar_places(
    ssim: Float[Tensor, "*batch y x"], threshold: float = SIMILAR
) -> Bool[Tensor, "*batch y x"]:
    """Where a map of SSIM is above `threshold`."""
    return ssim > threshold


def blur(images: Images, sigma_pixels: float) -> Images:
    """Smooth images `(..., y, x)` with a Gaussian window; they continue by reflection."""
    rows = _blur_matrix(images.shape[-2], sigma_pixels).to(images)
    columns = _blur_matrix(images.shape[-1], sigma_pixels).to(images)
    return rows @ images @ columns.T


def _reach(sigma_pixels: float) -> int:
    return int(TRUNCATE * sigma_pixels + 0.5)


@lru_cache(maxsize=8)
def _blur_matrix(pixels: int, sigma_pixels: float) -> Float[Tensor, "to from"]:
    """Matrix that smooths along one axis: two products are faster than convolving on a CPU."""
    reach = _reach(sigma_pixels)
    offsets = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(offsets.double() ** 2) / (2 * sigma_pixels**2))
    weights = (weights / weights.sum()).expand(pixels, -1)
    # Reflection about the outer edge of the last pixel: ... 1 0 | 0 1 ... n-1 | n-1 n-2 ...
    places = (torch.arange(pixels)[:, None] + offsets) % (2 * pixels)
    places = torch.minimum(places, 2 * pixels - 1 - places)
    matrix = torch.zeros(pixels, pixels, dtype=torch.float64)
    return matrix.scatter_add_(1, places, weights)
