"""What a counted pattern says of its moduli: their expectation, and how far to trust each.

A coefficient of a molecule's wave is, to other resolutions, a complex Gaussian number of the mean
power of its ring (Wilson), so its intensity is distributed exponentially; electrons are counted
from it (Poisson). Both together leave a gamma distribution, whose mean modulus and spread are
closed forms: noise is neither cut off at zero nor taken for signal.

Source: French and Wilson, Acta Cryst. A34 (1978) 517, with Poisson counts in place of Gaussian
errors; Wilson, Acta Cryst. 2 (1949) 318.
"""

import torch

from diffragan.phasing.counts_over_background import posterior_moments
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Bool, Float, Mask, Patterns, Tensor

NOTHING_KNOWN = torch.pi / 4
"""Squared mean modulus over mean intensity of a coefficient of which only the mean power is known.
"""
SMALLEST_POWER = 1e-6
"""Of a ring without a single electron [electrons]."""


def expected_modulus(
    counts: Patterns, measured: Mask, background: Patterns | None = None
) -> tuple[Float[Tensor, "item q_y q_x"], Float[Tensor, "item q_y q_x"]]:
    """Find the expected modulus behind each count, and how much of it the count itself tells.

    With a ring's mean count S and n electrons in a pixel the intensity is distributed as
    Gamma(n + 1, S / (S + 1)), so E[sqrt I] = Gamma(n + 3/2) / Gamma(n + 1) sqrt(S / (S + 1)).

    Parameters
    ----------
    counts : `(item, q_y, q_x)`, centred [electrons].
    measured : `(q_y, q_x)`.
    background : Counts to be expected without the molecule, as `counts`; none is zero.

    Returns
    -------
    The modulus, its square in electrons, and its trust: 1 for an exact one, 0 where the ring's mean
    power is all that is known. Both are 0 where nothing was measured.
    """
    counts = torch.where(measured, counts.clamp(min=0), 0.0)
    if background is not None:
        return _over_background(counts, measured, torch.where(measured, background, 0.0))
    power = _ring_mean(counts, measured)
    scale = power / (power + 1)
    # Of a million electrons float32 has the logarithm to no better than 1.
    exact = counts.double()
    ratio = torch.exp(torch.lgamma(exact + 1.5) - torch.lgamma(exact + 1)).to(counts.dtype)
    modulus = ratio * scale.sqrt()
    # Squared mean over mean square: pi / 4 for n = 0, 1 in the limit of many electrons.
    return _with_trust(modulus, ratio**2 / (counts + 1), measured)


def _over_background(
    counts: Patterns, measured: Mask, background: Patterns
) -> tuple[Float[Tensor, "item q_y q_x"], Float[Tensor, "item q_y q_x"]]:
    """Find moduli and trust where a background is part of the counts."""
    exact, behind = counts.double(), background.double()
    power = _ring_mean(exact - behind, measured)
    mean, square = posterior_moments(exact, torch.ones_like(exact), behind, power)
    modulus = mean.to(counts.dtype)
    return _with_trust(modulus, (mean**2 / square).to(counts.dtype), measured)


def _with_trust(
    modulus: Float[Tensor, "item q_y q_x"], known: Float[Tensor, "item q_y q_x"], measured: Mask
) -> tuple[Float[Tensor, "item q_y q_x"], Float[Tensor, "item q_y q_x"]]:
    """Add the trust that squared means over mean squares amount to."""
    trust = (known - NOTHING_KNOWN) / (1 - NOTHING_KNOWN)
    return (
        torch.where(measured, modulus, 0.0),
        torch.where(measured, trust.clamp(0, 1), 0.0),
    )


def _ring_mean(
    counts: Patterns, measured: Bool[Tensor, "q_y q_x"]
) -> Float[Tensor, "item q_y q_x"]:
    """Mean count of each pixel's ring, over its measured pixels."""
    side = counts.shape[-1]
    rings = torch.fft.fftshift(ring_index((side, side), counts.device))
    last = int(rings.max()) + 1
    population = ring_sum(measured.to(counts.dtype), rings, last).clamp(min=1)
    mean = ring_sum(counts, rings, last) / population
    return mean.clamp(min=SMALLEST_POWER)[..., rings]
