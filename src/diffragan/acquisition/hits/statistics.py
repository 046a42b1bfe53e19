"""What is kept of each frame: radial and angular statistics of its counts.

They are some hundred numbers, so that those of a whole scan fit in memory and can be compared with
each other. A frame's do not depend on its neighbours, nor on the size of the blocks they come in.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.polar_bins import ARCS, BINS, FIRST_BIN, RINGS, BinMaker, PolarBins
from diffragan.errors import InputError
from diffragan.io.scans.scan import Frames

Rings = NDArray[np.float32]
"""`(frame, ring)`, the rings of `polar_bins.RING_EDGES_PER_ANGSTROM`."""
SPOT_SIGMAS = 5.0
"""A bin that far above its ring is a spot: by chance one in 3 million is."""
_PAIRS = ARCS // 2
_FIRST_PAIR = np.concatenate([[0], np.cumsum(_PAIRS)])[:-1]
_PAIR_RING = np.repeat(np.arange(RINGS), _PAIRS)
_PAIR = np.arange(BINS // 2)
_LEFT = FIRST_BIN[_PAIR_RING] + _PAIR - _FIRST_PAIR[_PAIR_RING]
_RIGHT = _LEFT + _PAIRS[_PAIR_RING]


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """Statistics of frames, counts in electrons."""

    counts: Rings
    """Electrons in each ring."""
    pixels: Rings
    """Good pixels in each ring."""
    speckle: Rings
    """Sum over pairs of opposite bins of (n - m)^2 - n, m the mean of the ring: what the variance
    exceeds Poisson's by."""
    speckle_scale: Rings
    """Sum of m^2 over the same pairs."""
    broad_speckle: Rings
    """As `speckle`, bins twice as long along the ring."""
    broad_scale: Rings
    fine_speckle: Rings
    """As `speckle`, single pixels."""
    fine_scale: Rings
    brightest: Rings
    """How far the brightest pair of bins lies above its ring [standard deviations]."""
    spots: Rings
    """Pairs of bins that lie `SPOT_SIGMAS` above their ring."""
    saturated: NDArray[np.float32]
    """`(frame)` share of the good pixels that hold the largest value."""
    lit: NDArray[np.float32]
    """`(frame)` share of the good pixels that hold a count."""

    def __len__(self) -> int:
        """Count the frames."""
        return len(self.saturated)

    def __getitem__(
        self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]
    ) -> "FrameStatistics":
        """Return those of some frames."""
        return FrameStatistics(*(getattr(self, field.name)[chosen] for field in fields(self)))


def join_statistics(parts: list[FrameStatistics]) -> FrameStatistics:
    """Join the statistics of blocks of frames, in order."""
    return FrameStatistics(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(FrameStatistics)
        )
    )


class StatisticsMaker:
    """Takes the statistics of blocks of frames that were taken under one set of conditions."""

    def __init__(self, conditions: Conditions) -> None:
        conditions.check()
        self.conditions = conditions
        self._bins = BinMaker(conditions.good, conditions.frequency_per_pixel)

    def statistics(self, frames: Frames, centres: NDArray[np.floating[Any]]) -> FrameStatistics:
        """Take the statistics of frames.

        Parameters
        ----------
        frames : `(frame, q_y, q_x)` as the detector wrote them [counts].
        centres : `(frame, 2)`, y and x of each direct beam [pixels].

        Raises
        ------
        InputError : Frames, mask and centres do not fit each other, or one is not finite.
        """
        self._check(frames, centres)
        conditions = self.conditions
        count = len(frames)
        bins, squares = np.zeros((count, BINS)), np.zeros((count, BINS))
        expected = np.zeros((count, BINS))
        pixels, fine_scale = np.zeros((count, RINGS)), np.zeros((count, RINGS))
        saturated, lit = np.zeros(count, np.float32), np.zeros(count, np.float32)
        measured = int(conditions.good.sum())
        for place, (frame, centre) in enumerate(zip(frames, centres, strict=True)):
            polar = self._bins.bins(centre)
            electrons = self._electrons(frame)
            bins[place] = _sum(polar, electrons)
            squares[place] = _sum(polar, electrons**2)
            expected[place], pixels[place] = polar.expected, polar.pixels
            fine_scale[place] = polar.squares
            lit[place] = np.count_nonzero((electrons > 0) & conditions.good.ravel()) / measured
            if conditions.saturation_counts is not None:
                full = (frame >= conditions.saturation_counts) & conditions.good
                saturated[place] = np.count_nonzero(full) / measured
        return _statistics(bins, squares, expected, pixels, fine_scale, saturated, lit)

    def _electrons(self, frame: Frames) -> NDArray[np.floating[Any]]:
        counts = frame.ravel().astype(np.float64)
        if self.conditions.offset_counts:
            counts -= self.conditions.offset_counts
        if self.conditions.counts_per_electron != 1:
            counts /= self.conditions.counts_per_electron
        return counts

    def _check(self, frames: Frames, centres: NDArray[np.floating[Any]]) -> None:
        if frames.shape[1:] != self.conditions.good.shape:
            raise InputError(
                f"the frames have {frames.shape[1:]} pixels and the mask of good pixels "
                f"{self.conditions.good.shape}; use the mask of this detector"
            )
        if centres.shape != (len(frames), 2) or not np.isfinite(centres).all():
            raise InputError(
                f"{len(frames)} frames need as many centres y, x, all finite; they have the shape "
                f"{centres.shape}"
            )
        if np.issubdtype(frames.dtype, np.floating) and not np.isfinite(frames).all():
            raise InputError("a frame holds values that are not finite; mask or mend them first")


def _sum(polar: PolarBins, values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return np.asarray(np.bincount(polar.index, values, minlength=BINS + 1)[:BINS], np.float64)


def _in_rings(
    values: NDArray[np.floating[Any]], first: NDArray[np.intp]
) -> NDArray[np.floating[Any]]:
    return np.add.reduceat(values, first, axis=1)


def _statistics(
    bins: NDArray[np.floating[Any]],
    squares: NDArray[np.floating[Any]],
    expected: NDArray[np.floating[Any]],
    pixels: NDArray[np.floating[Any]],
    fine_scale: NDArray[np.floating[Any]],
    saturated: NDArray[np.float32],
    lit: NDArray[np.float32],
) -> FrameStatistics:
    """Put sums over bins together to statistics of rings."""
    counts = _in_rings(bins, FIRST_BIN[:-1])
    ratio = counts / np.maximum(_in_rings(expected, FIRST_BIN[:-1]), 1e-30)
    # Opposite bins together: a centre that is a little off shifts counts from one to the other.
    pairs = bins[:, _LEFT] + bins[:, _RIGHT]
    means = (expected[:, _LEFT] + expected[:, _RIGHT]) * ratio[:, _PAIR_RING]
    excess = pairs - means
    sigmas = excess / np.sqrt(means + 1)
    broad = excess[:, ::2] + excess[:, 1::2]
    broad_means = means[:, ::2] + means[:, 1::2]
    half = _FIRST_PAIR // 2
    ring_squares = _in_rings(squares, FIRST_BIN[:-1])
    scale = fine_scale * ratio**2
    # Electrons that are no whole numbers leave noise of their own, which empty frames show too.
    parts: tuple[NDArray[np.floating[Any]], ...] = (
        counts,
        pixels,
        _in_rings(excess**2 - pairs, _FIRST_PAIR),
        _in_rings(means**2, _FIRST_PAIR),
        _in_rings(broad**2 - pairs[:, ::2] - pairs[:, 1::2], half),
        _in_rings(broad_means**2, half),
        ring_squares - counts - scale,
        scale,
        np.maximum.reduceat(sigmas, _FIRST_PAIR, axis=1),
        _in_rings((sigmas > SPOT_SIGMAS).astype(np.float64), _FIRST_PAIR),
    )
    names = [field.name for field in fields(FrameStatistics)]
    rings = {n: part.astype(np.float32) for n, part in zip(names, parts, strict=False)}
    return FrameStatistics(**rings, saturated=saturated, lit=lit)
