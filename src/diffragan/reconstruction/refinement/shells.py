"""Means over the samples of each shell: powers, noise, correlation, and what follows from them."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.band import Band
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.rings import ring_sum
from diffragan.typing import Complex, Float, Tensor, Volume

LEAST, MOST = 1e-3, 0.9999
"""Bounds of a correlation when it is turned into a ratio of signal to noise."""


def shell_means(values: Float[Tensor, "n sample"], band: Band) -> Float[Tensor, " shell"]:
    """Mean over images and samples of each shell, in float64, on the CPU."""
    count = int(band.shells[-1]) + 1
    mean = values.double().mean(0) * band.shares
    totals = ring_sum(mean, band.shells, count)
    return (totals / ring_sum(band.shares, band.shells, count)).cpu()


def power(values: Complex[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Squared modulus."""
    return values.real**2 + values.imag**2


def noise_floor(total: Float[Tensor, " shell"], share: float = 0.15) -> float:
    """Power of white noise: of the outermost shells, where the signal has all but died away."""
    last = max(1, round(share * len(total)))
    return float(total[-last:].median())


def sample_weights(noise: Float[Tensor, " shell"], band: Band) -> Float[Tensor, " sample"]:
    """Weight of each sample: its share over its noise's variance."""
    return (band.shares / noise.to(band.shares.device)[band.shells]).float()


def map_correlation(first: Volume, second: Volume) -> Float[Tensor, " shell"]:
    """Fourier shell correlation of two maps, for shells below Nyquist."""
    return fourier_shell_correlation(first, second, Grid(len(first), 1.0))[1]


def restraint_from_halves(
    correlation: Float[Tensor, " shell"], mean_weight: Float[Tensor, " shell"]
) -> Float[Tensor, " shell"]:
    """Noise over signal, per image, that makes halves with so much data correlate so.

    Source: Scheres, J. Struct. Biol. 180 (2012) 519 (the gold standard's tau2).
    """
    bounded = correlation.double().clamp(LEAST, MOST)
    return mean_weight[: len(bounded)] * (1 - bounded) / bounded


def last_shell_above(correlation: Float[Tensor, " shell"], threshold: float) -> int:
    """Last shell before the correlation first falls below the threshold."""
    below = torch.nonzero(correlation[1:] < threshold).flatten()
    return int(below[0]) if len(below) else len(correlation) - 1
