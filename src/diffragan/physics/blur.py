"""Gaussian blur of patterns that keeps every electron."""

from functools import lru_cache

import numpy as np
import torch
from scipy.special import ive

from diffragan.typing import Float, Patterns, Tensor


@lru_cache(maxsize=16)
def _blur_matrix(pixels: int, sigma_pixels: float) -> Float[Tensor, "to from"]:
    """Share of what belongs to a pixel that arrives in another, along one axis."""
    offsets = np.arange(pixels)
    # The scaled Bessel function is exp(-t) I_n(t), already normalised over all n.
    kernel = torch.from_numpy(ive(offsets, sigma_pixels**2))
    distance = torch.from_numpy(np.abs(offsets[:, None] - offsets[None, :]))
    return kernel[distance]


def gaussian_blur(patterns: Patterns, sigma_pixels: float) -> Patterns:
    """Convolve patterns with a round Gaussian; what crosses the rim of the square is lost.

    The kernel is the discrete analogue of the Gaussian, exp(-s^2) I_n(s^2) along each axis: it
    sums to 1, has the variance s^2 exactly and two blurs in a row add their variances, for any
    width down to zero. All terms are positive, so weak pixels beside a strong beam stay exact.

    Parameters
    ----------
    patterns : `(..., q_y, q_x)`, square.
    sigma_pixels : Standard deviation s along each axis [pixels].

    Source: T. Lindeberg, IEEE Trans. Pattern Anal. Mach. Intell. 12 (1990) 234.
    """
    if sigma_pixels == 0:
        return patterns
    spread = _blur_matrix(patterns.shape[-1], sigma_pixels).to(patterns)
    return spread @ patterns @ spread.T
