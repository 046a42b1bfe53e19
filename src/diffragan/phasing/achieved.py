"""What an answer achieved, read as a prediction is: in the same bands, and by the same rule.

Calibration learns from these readings, and evaluation holds predictions against them.
"""

import torch

from diffragan.config.experiment import Experiment
from diffragan.fourier import fft2
from diffragan.phasing.confidence import view_resolution
from diffragan.phasing.evidence import Bands, band_index
from diffragan.typing import Bool, Float, Images, Tensor


def image_bands(experiment: Experiment, count: int, device: torch.device | str = "cpu") -> Bands:
    """Return the first `count` bands on the grid of an experiment's images."""
    return Bands(band_index(experiment.image_grid, device), count)


def achieved_frc(images: Images, true: Images, bands: Bands) -> Float[Tensor, "item band"]:
    """FRC of images with the true ones, band by band.

    Parameters
    ----------
    images : `(item, y, x)`, laid on the true ones as by `alignment.align` and `apply`.
    true : `(item, y, x)`.
    bands : Those that `image_bands` returned, as many as are predicted.
    """
    # The mean is far larger than all other coefficients, and float32 would round these to it.
    first, second = (fft2(v - v.mean((-2, -1), keepdim=True)) for v in (images, true))
    found = bands.correlation(first, second)
    held = torch.bincount(bands.index.flatten(), minlength=bands.count)[: bands.count] > 0
    return found if bool(held.all()) else _filled(found, held)


def _filled(
    curves: Float[Tensor, "item band"], held: Bool[Tensor, " band"]
) -> Float[Tensor, "item band"]:
    """Fill bands that hold no coefficient: in a small box these lie further apart than bands do."""
    places = torch.nonzero(held).flatten()
    band = torch.arange(len(held), device=curves.device)
    after = torch.searchsorted(places, band).clamp(1, len(places) - 1)
    left, right = places[after - 1], places[after]
    share = ((band - left) / (right - left)).clamp(0, 1).to(curves)
    return torch.lerp(curves[:, left], curves[:, right], share)


def achieved_resolution(images: Images, true: Images, bands: Bands) -> Float[Tensor, " item"]:
    """Resolution of each image [Å]: where its curve, smoothed over bands, first falls below 0.5.

    Parameters as of `achieved_frc`.
    """
    found = [view_resolution(curve, bands) for curve in achieved_frc(images, true, bands)]
    return torch.tensor(found, dtype=torch.float64)
