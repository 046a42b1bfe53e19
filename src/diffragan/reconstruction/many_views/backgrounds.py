"""What reaches a pixel without a molecule: ice, losses, dark counts. It is expected, not cut off.

Counts less a background are no counts: they may be negative, and vary as the counts did. So both
are kept apart through the merge, and what is known of an intensity is told from both.
"""

from collections.abc import Sequence

import torch

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.patterns import Background, PatternSet
from diffragan.typing import Float, Tensor

NODES = 64
"""Points of a quadrature: moments to 1 %, far below their own spread."""
WIDTH = 6.0
"""Reach of a quadrature on both sides [standard deviations]."""


def radial_background(blanks: PatternSet, patterns: PatternSet) -> Background:
    """Take the mean of each ring of frames without a molecule, for each pattern's exposure.

    Parameters
    ----------
    blanks : Of the same detector and pixels; `expected` says how long each was exposed.
    patterns : For which the background is told.

    Raises
    ------
    InputError : There are no blanks, or they have other pixels.
    """
    if len(blanks) == 0:
        raise InputError(f"{blanks.name}: no frame is left to take the background from")
    if not torch.equal(blanks.pixels.places, patterns.pixels.places):
        raise InputError(
            f"{blanks.name}: its frames have other pixels than {patterns.name}; use frames of the "
            "same detector, mask and limit"
        )
    rings = _rings(patterns)
    total, exposure = torch.zeros(int(rings.max()) + 1, dtype=torch.float64), 0.0
    for batch in blanks.batches():
        total.index_add_(0, rings, batch.values.double().sum(0).cpu())
        exposure += float(batch.expected.sum())
    population = torch.bincount(rings, minlength=len(total)).clamp(min=1)
    mean = (total / population)[rings] / max(exposure, 1e-300)
    return Background(mean * float(patterns.expected.mean()), _relative(patterns.expected))


def even_background(level: float | Sequence[float], patterns: PatternSet) -> Background:
    """Expect the same in every pixel: one value for all patterns, or one for each of the set.

    Raises
    ------
    InputError : A level is negative or not finite, or their number is wrong.
    """
    factors = torch.as_tensor(level, dtype=torch.float64).reshape(-1)
    if len(factors) not in (1, len(patterns.rotations)):
        raise InputError(
            f"{patterns.name}: {len(factors)} levels of background for "
            f"{len(patterns.rotations)} patterns; give one for each, or one for all"
        )
    if not bool((torch.isfinite(factors) & (factors >= 0)).all()):
        raise InputError(f"{patterns.name}: a background is negative or not finite")
    pixels = torch.ones(len(patterns.pixels.points), dtype=torch.float64)
    return Background(pixels, factors.expand(len(patterns.rotations)).clone())


def posterior_moments(
    counts: Float[Tensor, " sample"],
    expected: Float[Tensor, " sample"],
    background: Float[Tensor, " sample"],
    shell: Float[Tensor, " sample"],
) -> tuple[Float[Tensor, " sample"], Float[Tensor, " sample"]]:
    """Mean modulus and mean intensity behind counts of which a background is part.

    With counts n, an expectation e for a unit of intensity, a background b and a shell of mean S,
    the intensity is distributed as (e I + b)^n exp(-I (e + 1 / S)); for b = 0 the gamma
    distribution of `moduli`. By the midpoint rule.

    Source: French and Wilson, Acta Cryst. A34 (1978) 517, with Poisson counts and a background.
    """
    rate = expected + 1 / shell
    per_unit = background / expected.clamp(min=1e-300)
    mode = (counts / rate - per_unit).clamp(min=0)
    spread = WIDTH * (counts + 1).sqrt() / rate
    low = (mode - spread).clamp(min=0)
    # Where the background takes all counts, what is left falls off as the shell's own does.
    high = mode + spread + WIDTH / rate
    highest = _log_density(mode, counts, per_unit, rate)
    sums = [torch.zeros_like(rate) for _ in range(3)]
    for node in range(NODES):
        intensity = low + (high - low) * ((node + 0.5) / NODES)
        weight = torch.exp(_log_density(intensity, counts, per_unit, rate) - highest)
        for total, power in zip(sums, (0.0, 0.5, 1.0), strict=True):
            total.addcmul_(weight, intensity**power)
    return sums[1] / sums[0], sums[2] / sums[0]


def _log_density(intensity: Tensor, counts: Tensor, per_unit: Tensor, rate: Tensor) -> Tensor:
    return torch.xlogy(counts, intensity + per_unit) - rate * intensity


def _rings(patterns: PatternSet) -> Tensor:
    distance = patterns.pixels.points[:, :2].double().norm(dim=-1)
    rings: Tensor = (distance * patterns.experiment.box_angstrom).round().long().cpu()
    return rings


def _relative(expected: Tensor) -> Tensor:
    share: Tensor = expected.double() / expected.double().mean()
    return share
