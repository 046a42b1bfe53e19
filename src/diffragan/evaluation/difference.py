"""Where two images differ visibly, on the grey scale of a picture."""

import torch

from diffragan.evaluation.similarity import blur
from diffragan.typing import Bool, Float, Images, Tensor

WHITE = 255
VISIBLE = 10
"""Grey levels out of 255 by which places must differ: the paper's threshold."""
SMOOTHING_PIXELS = 1.5
"""Standard deviation of the Gaussian that smooths the difference: the window of SSIM."""


def grey_levels(images: Images) -> Float[Tensor, "*batch y x"]:
    """Bring each image `(..., y, x)` to grey levels from 0, its least value, to 255, its largest.

    Each has its own scale, as pictures of 8 bits have. A flat image is 0 everywhere.
    """
    low, high = images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True)
    span = torch.where(high > low, high - low, 1.0)
    return WHITE * (images - low) / span


def grey_difference(recovered: Images, true: Images) -> Float[Tensor, "*batch y x"]:
    """Smoothed absolute difference of two images `(..., y, x)` in grey levels, 0 to 255."""
    return blur((grey_levels(recovered) - grey_levels(true)).abs(), SMOOTHING_PIXELS)


def difference_mask(
    recovered: Images, true: Images, threshold: float = VISIBLE
) -> Bool[Tensor, "*batch y x"]:
    """Where the smoothed absolute difference is above `threshold` grey levels of 255.

    Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, the difference images.
    """
    return grey_difference(recovered, true) > threshold


def mask_edges(mask: Bool[Tensor, "*batch y x"]) -> Bool[Tensor, "*batch y x"]:
    """Outline of a mask: its pixels with a neighbour above, below, left or right outside it.

    What lies beyond the image counts as inside, so its border is no outline.
    """
    padded = torch.nn.functional.pad(mask, (1, 1, 1, 1), value=True)
    inner = mask.clone()
    for y, x in ((0, 1), (2, 1), (1, 0), (1, 2)):
        inner &= padded[..., y : y + mask.shape[-2], x : x + mask.shape[-1]]
    return mask & ~inner
