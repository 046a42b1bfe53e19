"""Sums over many frames of what each pixel held, from which its health is judged."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.typing import Patterns

GROUPS = 8
"""Parts of a scan that are summed apart: what only one of them shows is not the detector's."""
TILE = 3
"""Side of the squares whose sums tell the gain of a detector that spreads an electron's light over
several pixels: large enough to hold most of it, and not many speckles [pixels]."""

Maps = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PixelStatistics:
    """Sums over the frames of each group; groups follow each other in the scan."""

    frames: NDArray[np.int64]
    """`(group,)`, how many were added."""
    sums: Maps
    """`(group, q_y, q_x)` of the counts."""
    square_sums: Maps
    """`(group, q_y, q_x)` of their squares."""
    tile_sums: Maps
    """`(group, tile_y, tile_x)` of the counts in squares of `TILE` pixels."""
    tile_square_sums: Maps
    saturated: NDArray[np.int64]
    """`(q_y, q_x)`, in how many frames a pixel held the largest value."""
    saturated_frames: int
    """In how many frames any pixel did."""

    @property
    def count(self) -> int:
        """Number of frames."""
        return int(self.frames.sum())

    @property
    def mean(self) -> Maps:
        """Mean counts of each pixel, `(q_y, q_x)`."""
        return np.asarray(self.sums.sum(0) / self.count)

    def variance(self) -> Maps:
        """Variance about the mean of each group, `(group, q_y, q_x)`."""
        return variance(self.frames, self.sums, self.square_sums)


def variance(frames: NDArray[np.int64], sums: Maps, square_sums: Maps) -> Maps:
    """Unbiased variance from sums over `frames` of each group, `(group, ...)`."""
    n = frames[:, None, None]
    return np.asarray((square_sums - sums**2 / n).clip(min=0) / np.maximum(n - 1, 1))


def pixel_statistics(
    blocks: Iterable[tuple[int, Patterns]], saturation_counts: float | None
) -> PixelStatistics:
    """Add up frames pixel by pixel.

    Parameters
    ----------
    blocks : Pairs of a group, from 0, and its counts `(frame, q_y, q_x)`.
    saturation_counts : Largest value that a pixel can hold; none is no limit.

    Raises
    ------
    InputError : There is no frame, no count in any, or all are saturated throughout.
    """
    totals: dict[int, list[torch.Tensor]] = {}
    counts: dict[int, int] = {}
    saturated, saturated_frames = None, 0
    for group, block in blocks:
        tiles = torch.nn.functional.avg_pool2d(block[:, None], TILE)[:, 0] * TILE**2
        parts = [_sum(block), _square_sum(block), _sum(tiles), _square_sum(tiles)]
        if group in totals:
            totals[group] = [a + b for a, b in zip(totals[group], parts, strict=True)]
        else:
            totals[group] = parts
        counts[group] = counts.get(group, 0) + len(block)
        if saturated is None:
            saturated = torch.zeros(block.shape[1:], dtype=torch.int64, device=block.device)
        if saturation_counts is not None:
            full = block >= saturation_counts
            saturated += full.sum(0)
            saturated_frames += int(full.flatten(1).any(1).sum())
    if saturated is None:
        raise InputError("the scan holds no complete frame yet")
    order = sorted(totals)
    summed = [torch.stack([totals[g][i] for g in order]).cpu().numpy() for i in range(4)]
    found = PixelStatistics(
        frames=np.array([counts[g] for g in order]),
        sums=summed[0],
        square_sums=summed[1],
        tile_sums=summed[2],
        tile_square_sums=summed[3],
        saturated=saturated.cpu().numpy(),
        saturated_frames=saturated_frames,
    )
    if bool((found.saturated == found.count).all()):
        raise InputError(
            "all pixels of all frames are saturated; the scan was overexposed, or "
            "saturation_counts or the byte order is wrong"
        )
    if float(np.ptp(found.sums)) == 0 and not found.variance().any():
        raise InputError(
            f"all {found.count} frames that were looked at hold one value in all pixels; was the "
            "beam blanked?"
        )
    return found


def _sum(block: Patterns) -> torch.Tensor:
    return block.sum(0, dtype=torch.float64)


def _square_sum(block: Patterns) -> torch.Tensor:
    values = block.double()
    return (values * values).sum(0)
