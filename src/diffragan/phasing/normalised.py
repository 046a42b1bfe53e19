"""Images scaled as RELION and others expect them: background 0 +- 1, the particle white."""

import torch

from diffragan.typing import Bool, Images, Tensor

BACKGROUND_RADIUS = 0.49
"""Background is what lies farther than this share of the box from its centre."""
FLAT = 1e-4
"""A background that varies less than this share of the image has no noise to normalise by."""
MEAN_WITHIN, LEAST_SPREAD, MOST_SPREAD = 0.5, 0.5, 2.0
"""What RELION takes for normalised: `MlOptimiser::calculateSumOfPowerSpectraAndAverageImage`."""


def normalised(images: Images) -> Images:
    """Give the background of each image `(n, y, x)` mean 0 and standard deviation 1.

    A wave that was iterated inside a support is exactly zero outside: such an image gets a
    standard deviation of 1 as a whole, so that all are on one scale.
    """
    inside = ~_background(images)
    background = images[:, ~inside]
    whole = images.flatten(1)
    mean = background.mean(1)
    spread, all_of_it = background.std(1), whole.std(1)
    spread = torch.where(spread > FLAT * all_of_it, spread, all_of_it)
    spread = torch.where(spread > 0, spread, 1.0)
    return (images - mean[:, None, None]) / spread[:, None, None]


def is_normalised(images: Images) -> bool:
    """Whether RELION takes all of the images `(n, y, x)` for normalised."""
    background = images[:, _background(images)]
    mean, spread = background.mean(1), background.std(1)
    fine = (mean.abs() < MEAN_WITHIN * spread) & (spread > LEAST_SPREAD) & (spread < MOST_SPREAD)
    return bool(fine.all())


def _background(images: Images) -> Bool[Tensor, "y x"]:
    size = images.shape[-1]
    axis = torch.arange(size) - size // 2
    return axis[:, None] ** 2 + axis[None, :] ** 2 > (BACKGROUND_RADIUS * size) ** 2
