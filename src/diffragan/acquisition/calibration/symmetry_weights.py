"""How each pixel's counts speak for the centre of a pattern.

Weights are odd about the centre, so that there the weighted sum of counts is zero, and beside it is
not. Pixels count in pairs: where one of the two is not measured, the other is left out. There are
two kinds.

With the direct beam hidden, the slopes of the logarithm of the expected pattern: those of the
maximum of the Poisson likelihood, which know most. A pattern of a thin specimen is nearly the same
at q and -q (Friedel), so speckle of whatever form does not shift the balance.

With the direct beam in view, the offsets themselves within a window: its centroid. Near the beam
Friedel's law does not hold, because waves scattered there interfere with the beam, and one flank
gains what the other loses. The centroid hardly feels that: it moves by the mean phase gradient
only (Ehrenfest), where the steepest flanks alone move by a tenth of a pixel.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.typing import Float, Mask, Tensor

Lattice = tuple[int, int]
"""A centre (row, column) in halves of a pixel: about these, pixels invert onto pixels."""

WINDOW_REACH = 1.6
"""Where the window's soft edge has fallen to a thousandth."""


@dataclass(frozen=True, slots=True)
class PairWeights:
    """The weights of one centre on the rectangle of pixels that have a partner."""

    rows: slice
    columns: slice
    moments: Float[Tensor, "pixel 8"]
    """Of each pixel of the rectangle, row by row: w_y and w_x; how much they change with the
    centre, yy, xx and yx; and w_y^2, w_x^2 and w_y w_x. Zero where a pixel or its partner is not
    measured."""


def log_slope(
    profile: NDArray[np.float64], counts: NDArray[np.float64], smooth_rings: float
) -> NDArray[np.float64]:
    """Slope of the logarithm of a radial profile, per pixel, at each ring.

    Parameters
    ----------
    profile : `(ring,)`, mean electrons of a pixel; NaN where nothing is known.
    counts : `(ring,)`, electrons that the mean was taken of: rings of few are trusted less.
    smooth_rings : Radius over which the slope is taken about a ring [pixels]; far out it is
        an eighth of the ring's own.
    """
    known = np.flatnonzero(np.isfinite(profile) & (profile > 0))
    slope = np.zeros(len(profile))
    values, weights = np.log(profile[known]), counts[known] + 1e-9
    for ring in known:
        reach = max(smooth_rings, ring / 8)
        near = np.abs(known - ring) <= reach
        if near.sum() < 2:
            continue
        x, y = known[near] - ring, values[near]
        w = weights[near] * (1 - (x / (reach + 1)) ** 2)
        x_mean, y_mean = np.average(x, weights=w), np.average(y, weights=w)
        slope[ring] = (w * (x - x_mean) * (y - y_mean)).sum() / (w * (x - x_mean) ** 2).sum()
    return slope


def pair_weights(
    slope: Float[Tensor, " ring"], window_pixels: float | None, good: Mask, centre: Lattice
) -> PairWeights | None:
    """Spread weights over the pixels about one centre.

    Parameters
    ----------
    slope : From `log_slope`; pixels beyond its last ring have no weight.
    window_pixels : Radius of the window in which the direct beam is; none where it is hidden.
    good : Pixels that are measured.
    centre : In halves of a pixel.

    Returns
    -------
    Nothing where no pixel has a partner.
    """
    reach = len(slope) - 1 if window_pixels is None else ceil(WINDOW_REACH * window_pixels)
    spans = []
    for doubled, size in zip(centre, good.shape, strict=True):
        first = max(0, doubled - (size - 1), -((2 * reach - doubled) // 2))
        last = doubled - first
        if last < first:
            return None
        spans.append(slice(first, last + 1))
    window = good[spans[0], spans[1]]
    paired = (window & window.flip((0, 1))).to(slope.dtype)
    y, x = (
        torch.arange(span.start, span.stop, device=slope.device, dtype=slope.dtype) - doubled / 2
        for span, doubled in zip(spans, centre, strict=True)
    )
    radius = torch.hypot(y[:, None], x[None, :])
    if window_pixels is None:
        weight = _slope_at(slope, radius) * paired
        w_y, w_x = weight * y[:, None], weight * x[None, :]
        changes = [w_y**2, w_x**2, w_y * w_x]
    else:
        # A soft edge: what crosses it as the centre moves does not jump.
        weight = torch.exp(-((radius / window_pixels) ** 4)) * paired
        w_y, w_x = weight * y[:, None], weight * x[None, :]
        changes = [weight, weight, torch.zeros_like(weight)]
    moments = torch.stack([w_y, w_x, *changes, w_y**2, w_x**2, w_y * w_x], -1)
    return PairWeights(spans[0], spans[1], moments.flatten(0, 1))


def _slope_at(slope: Float[Tensor, " ring"], radius: Tensor) -> Tensor:
    """Minus the slope over the radius, for each pixel; 0 beyond the last ring.

    The pattern moves with its centre: its derivative by the centre is minus its own slope.
    """
    reach = len(slope) - 1
    inner = radius.floor().long().clamp(max=reach)
    share = (radius - inner).clamp(max=1)
    outer = (inner + 1).clamp(max=reach)
    value = slope[inner] * (1 - share) + slope[outer] * share
    return torch.where(radius <= reach, -value / radius.clamp(min=1e-6), 0.0)
