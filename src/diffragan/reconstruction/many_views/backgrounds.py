"""What reaches a pixel without a molecule: ice, losses, dark counts. It is expected, not cut off.

Counts less a background are no counts: they may be negative, and vary as the counts did. So both
are kept apart through the merge, and what is known of an intensity is told from both.
"""

from collections.abc import Sequence

import torch

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.patterns import Background, PatternSet
from diffragan.typing import Tensor


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


def _rings(patterns: PatternSet) -> Tensor:
    distance = patterns.pixels.points[:, :2].double().norm(dim=-1)
    rings: Tensor = (distance * patterns.experiment.box_angstrom).round().long().cpu()
    return rings


def _relative(expected: Tensor) -> Tensor:
    share: Tensor = expected.double() / expected.double().mean()
    return share
