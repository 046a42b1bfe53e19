"""Where a correlation curve is read: 0.5, 1/7, half a bit, and what noise alone would give."""

import torch

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.rings import (
    RingKind,
    resolution_at,
    ring_distance,
    ring_index,
    ring_sum,
    smooth_ring_sum,
)
from diffragan.typing import Float, Tensor

ONE_HALF = 0.5
"""Correlation with the truth at which signal and error are equal; the paper's criterion."""
ONE_SEVENTH = 1 / 7
"""For two independent halves: it gives 0.5 between their sum and the truth. Rosenthal and
Henderson, J. Mol. Biol. 333 (2003) 721, eq. 18 (0.143)."""


def independent_samples(
    pixels: int,
    rings: int,
    *,
    real: bool,
    filling: float = 1.0,
    symmetry: int = 1,
    kind: RingKind = "hard",
) -> Float[Tensor, " ring"]:
    """Count the independent complex samples in each of rings 1 to `rings - 1` of a square image.

    n = (samples of the ring) * filling / (symmetry * (2 if real)).

    Parameters
    ----------
    pixels : Side of the image [pixels].
    rings : Number of rings, ring 0 among them.
    real : Whether the image is real: opposite samples are then one (Friedel's law).
    filling : Share of the image that the molecule covers. What is confined to a part of the box
        has coefficients that vary slowly, so neighbours are not independent.
    symmetry : How many parts of the ring symmetry makes alike.
    kind : Hard or smooth rings; in a smooth ring samples count by their weights, as
        (sum of weights)^2 / sum of weights^2.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, sec. 2.5, where the share of the
    box and the symmetry reduce the number of voxels of a shell; here for the area in two
    dimensions.
    """
    shape = (pixels, pixels)
    ones = torch.ones(shape, dtype=torch.float64)
    if kind == "hard":
        count = ring_sum(ones, ring_index(shape), rings)
    else:
        distance = ring_distance(shape)
        # The squared weights of a ring: (1 - f)^2 from within and f^2 from without.
        share = distance - torch.floor(distance)
        inner = torch.floor(distance).long()
        squares = ring_sum((1 - share) ** 2, inner, rings) + ring_sum(share**2, inner + 1, rings)
        count = smooth_ring_sum(ones, distance, rings) ** 2 / squares
    return count[1:] * filling / (symmetry * (2 if real else 1))


def half_bit(samples: Float[Tensor, " ring"]) -> Float[Tensor, " ring"]:
    """Correlation of two halves at which their sum holds half a bit for each sample.

    T = (0.2071 + 1.9102 / sqrt n) / (1.2071 + 0.9102 / sqrt n) with n independent samples in the
    ring; 1 where there is one sample or less.

    Source: van Heel and Schatz, J. Struct. Biol. 151 (2005) 250, eq. 17.
    """
    root = torch.sqrt(samples.clamp(min=1.0))
    return (0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root)


def noise_error(samples: Float[Tensor, " ring"]) -> Float[Tensor, " ring"]:
    """Return by how much the correlation of independent noise differs from 0: 1 / sqrt(2 n).

    A standard deviation. The real part of the correlation of n complex samples is one of 2 n parts
    of a unit vector, each of which has a mean square of 1 / (2 n).
    """
    return 1 / torch.sqrt(2 * samples.clamp(min=0.5))


def resolutions_at_thresholds(
    curve: Float[Tensor, " ring"], limit: MeasuredLimit, filling: float
) -> dict[str, float | None]:
    """Resolution [Å] of a curve of images, hard rings, by each criterion.

    `None` where the curve never falls below it: the truth may be finer than the data. 1/7 and half
    a bit are meant for two independent halves; against the truth they flatter, and are given for
    comparison with what others quote.

    Parameters
    ----------
    curve : FRC in rings 1 to `limit.rings - 1`.
    filling : Share of the image that the molecule covers.
    """
    samples = independent_samples(2 * limit.rings + 1, limit.rings, real=True, filling=filling)
    criteria = {
        "0.5": torch.full_like(samples, ONE_HALF),
        "1/7": torch.full_like(samples, ONE_SEVENTH),
        "half_bit": half_bit(samples),
    }
    frequency = limit.frequency_per_angstrom
    return {
        name: resolution_at(curve.to(samples) - threshold, frequency, 0.0)
        for name, threshold in criteria.items()
    }
