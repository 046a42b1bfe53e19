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
    pairs: NDArray[np.int64]
    """`(group,)`, how many frames were compared with the next one of the scan."""
    pair_squares: Maps
    """`(group, q_y, q_x)`, half the square of what neighbours in the scan differ by: variance
    without what changes from place to place on the specimen."""
    tile_pair_squares: Maps
    """`(group, tile_y, tile_x)`, the same of the squares' counts."""
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
        n = self.frames[:, None, None]
        squares = self.square_sums - self.sums**2 / n
        return np.asarray(squares.clip(min=0) / np.maximum(n - 1, 1))


def pixel_statistics(
    blocks: Iterable[tuple[int, NDArray[np.int64], Patterns]], saturation_counts: float | None
) -> PixelStatistics:
    """Add up frames pixel by pixel.

    Parameters
    ----------
    blocks : A group, from 0, the frames' numbers in the scan and counts `(frame, q_y, q_x)`.
    saturation_counts : Largest value that a pixel can hold; none is no limit.

    Raises
    ------
    InputError : There is no frame, no count in any, or all are saturated throughout.
    """
    totals: dict[int, list[torch.Tensor]] = {}
    counts: dict[int, int] = {}
    pairs: dict[int, int] = {}
    saturated, saturated_frames = None, 0
    for group, numbers, block in blocks:
        tiles = torch.nn.functional.avg_pool2d(block[:, None], TILE)[:, 0] * TILE**2
        first = torch.from_numpy(np.flatnonzero(np.diff(numbers) == 1)).to(block.device)
        parts = [
            *(block.sum(0, dtype=torch.float64), _square_sum(block)),
            tiles.sum(0, dtype=torch.float64),
            *(_square_sum(v[first + 1] - v[first]) / 2 for v in (block, tiles)),
        ]
        pairs[group] = pairs.get(group, 0) + len(first)
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
    summed = [torch.stack([totals[g][i] for g in order]).cpu().numpy() for i in range(5)]
    found = PixelStatistics(
        frames=np.array([counts[g] for g in order]),
        sums=summed[0],
        square_sums=summed[1],
        tile_sums=summed[2],
        pairs=np.array([pairs[g] for g in order]),
        pair_squares=summed[3],
        tile_pair_squares=summed[4],
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


def _square_sum(block: Patterns) -> torch.Tensor:
    values = block.double()
    return (values * values).sum(0)
