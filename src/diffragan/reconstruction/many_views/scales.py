"""How bright each pattern is beside the others: one factor each, from the merge of all."""

from dataclasses import replace

import torch

from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import corners, read_at
from diffragan.reconstruction.many_views.merging import Merged
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.typing import Float, Tensor

SURROUNDED = 0.99
"""Of a pixel's interpolation weight that must lie on measured samples."""


def relative_scales(patterns: PatternSet, merged: Merged) -> Float[Tensor, " view"]:
    """Ratio of each used pattern's values to what the merge expects of them, 0 for an empty one."""
    intensity, known = merged.intensity, merged.known.float()
    points = patterns.pixels.points.to(intensity.device)
    found = []
    for batch in patterns.batches():
        signal = batch.values if batch.background is None else batch.values - batch.background
        for values, rotation, expected in zip(
            signal.to(intensity.device), batch.rotations, batch.expected.tolist(), strict=True
        ):
            at = corners(turned(points, rotation[None])[0], merged.grid)
            sure = read_at(known, at) > SURROUNDED
            total = expected * (read_at(intensity, at) * sure).double().sum()
            # A pattern of background alone may have less than that.
            seen = (values * sure).double().sum().clamp(min=0)
            found.append(seen / total.clamp(min=1e-30))
    return torch.stack(found).cpu()


def rescaled(patterns: PatternSet, scales: Float[Tensor, " view"]) -> PatternSet:
    """Expect more of brighter patterns; the mean scale stays what it was.

    Parameters
    ----------
    scales : One for each used pattern, as `relative_scales` finds them.
    """
    used = list(patterns.kept)
    factors = (scales / scales.mean().clamp(min=1e-30)).to(patterns.expected)
    expected = patterns.expected.clone()
    expected[used] = expected[used] * factors
    return replace(patterns, expected=expected)
