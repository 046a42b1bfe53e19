"""What counts say of an intensity when part of them was to be expected without the molecule.

Counts less a background are no counts: they may be negative, and vary as the counts did. So the
background is kept apart, and the intensity is what its distribution says.
"""

import torch

from diffragan.typing import Float, Tensor

NODES = 64
"""Points of a quadrature: moments to 1 %, far below their own spread."""
WIDTH = 6.0
"""Reach of a quadrature on both sides [standard deviations]."""


def posterior_moments(
    counts: Float[Tensor, " sample"],
    expected: Float[Tensor, " sample"],
    background: Float[Tensor, " sample"],
    shell: Float[Tensor, " sample"],
) -> tuple[Float[Tensor, " sample"], Float[Tensor, " sample"]]:
    """Mean modulus and mean intensity behind counts of which a background is part.

    With counts n, an expectation e for a unit of intensity, a background b and a shell of mean S,
    the intensity is distributed as (e I + b)^n exp(-I (e + 1 / S)); for b = 0 the gamma
    distribution of `counted`. By the midpoint rule over moduli, whose density
    is smooth where that of intensities begins.

    Source: French and Wilson, Acta Cryst. A34 (1978) 517, with Poisson counts and a background.
    """
    rate = expected + 1 / shell
    per_unit = background / expected.clamp(min=1e-300)
    mode = (counts / rate - per_unit).clamp(min=0)
    spread = WIDTH * (counts + 1).sqrt() / rate
    low = (mode - spread).clamp(min=0).sqrt()
    # Where the background takes all counts, what is left falls off as the shell's own does.
    high = (mode + spread + WIDTH / rate).sqrt()
    highest = _log_density(mode, counts, per_unit, rate)
    sums = [torch.zeros_like(rate) for _ in range(3)]
    for node in range(NODES):
        modulus = low + (high - low) * ((node + 0.5) / NODES)
        intensity = modulus.square()
        weight = modulus * torch.exp(_log_density(intensity, counts, per_unit, rate) - highest)
        for total, value in zip(sums, (torch.ones_like(rate), modulus, intensity), strict=True):
            total.addcmul_(weight, value)
    return sums[1] / sums[0], sums[2] / sums[0]


def _log_density(intensity: Tensor, counts: Tensor, per_unit: Tensor, rate: Tensor) -> Tensor:
    return torch.xlogy(counts, intensity + per_unit) - rate * intensity
