"""What the beam counts where no molecule is, from the frames that were told to show none.

A molecule scatters at the angles at which ice does, too. A background that is scaled to the hit
itself would take what the molecule scatters for ice, so its scale is that of the frames about it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from diffragan.acquisition.calibration.aligned import ring_sums
from diffragan.acquisition.calibration.background import Background, mean_background
from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.frame_pass import read_electrons
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.config.acquisition import ScanSettings
from diffragan.io.scans.scan import Scan

SURELY = 0.95
"""Probability of nothing but ice, from which a frame counts as empty."""
FEWEST, MOST = 32, 600
"""Frames that a background is the mean of: with fewer, it is left as calibration found it."""
USUAL_COUNTS = 20.0
"""Electrons that speak for the usual scale beforehand, where next to nothing is counted."""
NEIGHBOURS = 24
"""Empty frames about a hit, whose thickness its own is taken to be."""


@dataclass(frozen=True, slots=True)
class EmptyFrames:
    """The frames of a scan that surely show nothing but ice, and what they count."""

    scan: Scan
    settings: ScanSettings
    calibration: DetectorCalibration
    table: FrameClasses

    @property
    def numbers(self) -> NDArray[np.intp]:
        """Which frames these are."""
        columns = [CLASSES.index(name) for name in ("empty", "ice")]
        return np.flatnonzero(np.asarray(self.table.probability)[:, columns].sum(1) > SURELY)

    def background(self) -> Background:
        """Take the background anew; it is the one of before where there are too few of them."""
        before, frames = self.calibration.background, self.numbers
        if len(frames) < FEWEST:
            return before
        if len(frames) > MOST:
            frames = frames[np.linspace(0, len(frames) - 1, MOST).astype(np.intp)]
        sums, pixels = self._rings(frames)
        pattern = None if before.pattern is None else before.pattern.double().cpu().numpy()
        return mean_background(sums, pixels, before.scaled_on, pattern)

    def scales_about(self, hits: NDArray[np.integer]) -> NDArray[np.float64]:
        """How much of the usual background each hit has, `(hit,)`: as the empty frames about it."""
        empty = self.numbers
        if len(empty) < FEWEST:
            return self._scales_of(np.asarray(hits)[:, None])
        columns = (self.settings.shape or (1, len(self.table)))[1]
        places = np.stack(np.divmod(empty, columns), -1)
        _, near = cKDTree(places).query(np.stack(np.divmod(hits, columns), -1), NEIGHBOURS)
        return self._scales_of(empty[near])

    def _scales_of(self, groups: NDArray[np.integer]) -> NDArray[np.float64]:
        """Electrons over those expected, in the rings that tell thickness, of groups of frames."""
        background = self.calibration.background
        first, last = background.scaled_on
        profile = background.profile.double().cpu().numpy()[first:last]
        numbers, place = np.unique(groups, return_inverse=True)
        sums, pixels = self._rings(numbers)
        found = sums[:, first:last].sum(1)[place.reshape(groups.shape)]
        expected = (pixels[:, first:last] @ profile)[place.reshape(groups.shape)]
        return np.asarray(_middle_half(found, expected))

    def _rings(
        self, numbers: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Electrons and pixels of the rings of frames, `(frame, ring)` each."""
        rings = len(self.calibration.background.profile)
        parts = []
        for number in numbers.tolist():
            values = read_electrons(self.scan, self.settings, self.calibration, number)
            centre = torch.from_numpy(self.table.centre[number][None]).float()
            parts.append(ring_sums(values, centre, self.calibration.good, rings))
        sums, pixels = (torch.cat(part).double().numpy() for part in zip(*parts, strict=True))
        return sums, pixels


def _middle_half(found: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratio of the sums over the half of each group whose own ratios lie about its median."""
    order = np.argsort(found / np.maximum(expected, 1e-12), axis=1, kind="stable")
    count = max(1, order.shape[1] // 2)
    start = (order.shape[1] - count) // 2
    chosen = order[:, start : start + count]
    total, wanted = (np.take_along_axis(v, chosen, 1).sum(1) for v in (found, expected))
    return np.asarray((total + USUAL_COUNTS) / (wanted + USUAL_COUNTS))
