"""What frames without a molecule show, and how much of it is in each frame."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.robust import MAD_TO_SIGMA
from diffragan.typing import Float, Tensor

Rows = NDArray[np.float64]

KEPT_SIGMAS = 2.0
"""Frames whose shape differs more from the usual one than this are not taken for empty."""
FEWEST_FRAMES = 8
FEWEST_COUNTS = 20.0
"""Electrons of a frame, below which its thickness is not told from that of others."""
NOT_ROUND = 0.03
"""Relative deviation from its rings beyond which the mean pattern itself is kept."""


@dataclass(frozen=True, slots=True)
class Background:
    """The mean pattern of empty frames by rings one pixel wide about the direct beam."""

    profile: Float[Tensor, " ring"]
    """Electrons of a pixel in a frame of the usual thickness; 0 where nothing is measured."""
    error: Float[Tensor, " ring"]
    """Standard error of the profile, with what differs between frames."""
    spread: Float[Tensor, " ring"]
    """Standard deviation between single frames of equal scale beyond Poisson's, as a share."""
    scaled_on: tuple[int, int]
    """First ring, and the one after the last, on which a frame's scale is fitted."""
    frames: int
    """How many frames were taken for empty."""
    pattern: Float[Tensor, "q_y q_x"] | None
    """Mean of all sampled frames about pixel n // 2, where it is not round; otherwise none."""


def find_background(
    sums: Rows,
    pixels: Rows,
    low: tuple[int, int],
    high: tuple[int, int],
    pattern: Rows | None = None,
) -> Background:
    """Average the frames whose shape is the usual one.

    Most frames are ice alone. A molecule adds low angles, so frames are compared by the
    logarithm of their electrons in low rings over those in high ones; those far from the median
    are left out. Each is scaled by its own thickness before the mean is taken.

    Parameters
    ----------
    sums, pixels : `(frame, ring)` electrons and pixels, from `ring_sums`.
    low, high : Rings where a molecule scatters much, and where ice does: first, and after last.
    pattern : The mean pattern, to be kept.

    Raises
    ------
    InputError : Too few frames hold electrons in those rings.
    """
    inside = [sums[:, a:b].sum(1) for a, b in (low, high)]
    some = (inside[0] > 0) & (inside[1] > 0)
    if some.sum() < FEWEST_FRAMES:
        raise InputError(
            f"only {int(some.sum())} of {len(sums)} frames hold scattered electrons; "
            f"{FEWEST_FRAMES} are needed to know the background"
        )
    shape = np.full(len(sums), np.nan)
    shape[some] = np.log(inside[0][some] / inside[1][some])
    kept = some.copy()
    for _ in range(4):
        middle = np.median(shape[kept])
        spread = MAD_TO_SIGMA * np.median(np.abs(shape[kept] - middle)) + 1e-9
        kept = some & (np.abs(shape - middle) <= KEPT_SIGMAS * spread)
    return mean_background(sums[kept], pixels[kept], high, pattern)


def mean_background(
    n: Rows, p: Rows, high: tuple[int, int], pattern: Rows | None = None
) -> Background:
    """Average frames without a molecule, each scaled by its own thickness.

    Parameters
    ----------
    n, p : `(frame, ring)` electrons and pixels.
    high : Rings that tell the thickness: first, and after last.
    pattern : The mean pattern, to be kept.
    """
    profile = n.sum(0) / np.maximum(p.sum(0), 1)
    for _ in range(3):
        scale = _scales(n, p, profile, high)
        profile = n.sum(0) / np.maximum((scale[:, None] * p).sum(0), 1e-12)
    expected = scale[:, None] * p * profile
    # Variance beyond Poisson's: what differs between frames of equal thickness.
    excess = ((n - expected) ** 2 - expected).sum(0) / np.maximum((expected**2).sum(0), 1e-12)
    share = np.sqrt(excess.clip(min=0))
    weight = scale[:, None] * p
    total = np.maximum(weight.sum(0), 1e-12)
    variance = (expected + (share * expected) ** 2).sum(0) / total**2
    tensors = [torch.from_numpy(v).float() for v in (profile, np.sqrt(variance), share)]
    kept_pattern = None if pattern is None else torch.from_numpy(pattern).float()
    return Background(tensors[0], tensors[1], tensors[2], high, len(n), kept_pattern)


def _scales(n: Rows, p: Rows, profile: Rows, rings: tuple[int, int]) -> Rows:
    first, last = rings
    expected = (p * profile)[:, first:last].sum(1)
    found = n[:, first:last].sum(1)
    if np.median(found) < FEWEST_COUNTS:
        return np.ones(len(n))
    scale = found / np.maximum(expected, 1e-12)
    return np.asarray(scale / np.median(scale))
