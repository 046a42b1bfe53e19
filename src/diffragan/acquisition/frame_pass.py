"""The pass over all frames of a scan: centres, and what each frame says by itself, in blocks."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.centres import CentreFinder
from diffragan.acquisition.calibration.detector_calibration import (
    DetectorCalibration,
    centre_finder,
    electrons,
    frame_centres,
)
from diffragan.acquisition.hits.background import HitBackground, learn_background, spread_frames
from diffragan.acquisition.hits.classes import Conditions
from diffragan.acquisition.hits.classify import (
    FrameClasses,
    FrameMeasurer,
    MeasuredFrames,
    classify_measured,
    join_measured,
)
from diffragan.acquisition.hits.network import HitNetwork
from diffragan.acquisition.hits.thinning import share_looked_at, thinned
from diffragan.acquisition.measured_blocks import (
    BLOCK_FRAMES,
    AllFrames,
    BlocksOnDisk,
    single_precision,
)
from diffragan.acquisition.overview.frames import scan_points, turn
from diffragan.config.acquisition import ScanSettings
from diffragan.errors import InputError
from diffragan.in_order import in_order, thread_count
from diffragan.io.scans.scan import Frames, Scan
from diffragan.io.scans.upright import upright
from diffragan.typing import Patterns

READ_FRAMES = 64
"""Frames that are read and looked at together."""


@dataclass(frozen=True, slots=True)
class FramePass:
    """All that frames are looked at with; what a frame says does not depend on its block."""

    scan: Scan
    settings: ScanSettings
    """As they are known."""
    calibration: DetectorCalibration
    conditions: Conditions
    """Of frames as they are judged: thinned to `share`."""
    share: float
    """Of the electrons, by which frames are judged."""
    background: HitBackground
    finder: CentreFinder
    measurer: FrameMeasurer
    network: HitNetwork

    def block(self, first: int, last: int) -> tuple[MeasuredFrames, str]:
        """Look at some frames; return what was measured, and the hash of their values."""
        digest = hashlib.sha256()

        def read() -> Iterator[tuple[int, Frames]]:
            for start in range(first, last, READ_FRAMES):
                stop = min(start + READ_FRAMES, last)
                frames = read_upright(self.scan, self.settings, start, stop)
                digest.update(frames.tobytes())
                yield start, frames

        def measure(part: tuple[int, Frames]) -> MeasuredFrames:
            start, frames = part
            numbers = np.arange(start, start + len(frames))
            centres = centres_of(frames, numbers, self.calibration, self.finder)
            saturation = self.conditions.saturation_counts
            some = thinned(frames, start, self.share, saturation)
            return self.measurer.measure(some, centres)

        parts = list(in_order(measure, read(), thread_count(None)))
        return single_precision(join_measured(parts)), digest.hexdigest()

    def run(
        self, frames: int, kept: BlocksOnDisk, watch: Callable[[int], None]
    ) -> tuple[MeasuredFrames, str]:
        """Look at the first frames of the scan, going on where an earlier run stopped.

        Parameters
        ----------
        frames : How many.
        kept : Holds what an earlier run found.
        watch : Told how many more frames were looked at.

        Returns
        -------
        What was measured, and a hash of all values.
        """
        everything, digest = AllFrames(frames), hashlib.sha256()
        for block, first in enumerate(range(0, frames, BLOCK_FRAMES)):
            last = min(first + BLOCK_FRAMES, frames)
            found = kept.read(block, last - first)
            if found is None:
                found = self.block(first, last)
                kept.write(block, *found)
            everything.put(first, found[0])
            digest.update(found[1].encode())
            watch(last - first)
        return everything.gathered(), digest.hexdigest()

    def classify(self, measured: MeasuredFrames) -> FrameClasses:
        """Say what the first frames of the scan show, those whose beams overlap together."""
        shape, step = self.settings.shape, self.settings.step_angstrom
        positions = None
        if shape is not None and step is not None and shape[0] * shape[1] >= len(measured):
            in_scan = scan_points(shape, step)[: len(measured)]
            positions = in_scan @ turn(-self.settings.scan_to_detector_deg).T
        return classify_measured(
            measured, self.conditions, self.background, positions=positions, network=self.network
        )


def read_upright(scan: Scan, settings: ScanSettings, first: int, last: int) -> Frames:
    """Read frames as the specimen sees them, `(frame, q_y, q_x)`."""
    return np.ascontiguousarray(upright(scan.read(first, last), settings))


def read_electrons(
    scan: Scan, settings: ScanSettings, calibration: DetectorCalibration, number: int
) -> Patterns:
    """Read one frame as the specimen sees it, in electrons, `(1, q_y, q_x)`."""
    counts = read_upright(scan, settings, number, number + 1)
    return electrons(torch.from_numpy(counts.astype(np.float32)), calibration)


def centres_of(
    frames: Frames,
    numbers: NDArray[np.int64],
    calibration: DetectorCalibration,
    finder: CentreFinder,
) -> NDArray[np.float64]:
    """Row and column of the direct beam of each frame `(frame, 2)`, by itself and its scan.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)`, upright, as counted.
    numbers : Theirs in the scan.
    """
    values = electrons(torch.from_numpy(frames.astype(np.float32)), calibration)
    return np.asarray(frame_centres(values, numbers, calibration, finder).centres.double().numpy())


def conditions_of(
    scan: Scan, settings: ScanSettings, calibration: DetectorCalibration
) -> Conditions:
    """Say how the frames of a scan were taken.

    Raises
    ------
    InputError : Something is not known.
    """
    needed: dict[str, Any] = {
        "mrad_per_pixel": calibration.mrad_per_pixel,
        "energy_kev": settings.energy_kev,
        "exposure_e_per_a2": settings.exposure_e_per_a2,
        "beam_diameter_angstrom": settings.beam_diameter_angstrom,
    }
    lost = [name for name, value in needed.items() if value is None]
    if lost:
        raise InputError(f"{scan.info.path}: give scan.{lost[0]} in the configuration")
    saturation = settings.saturation_counts
    if saturation is None and scan.info.dtype.kind in "ui":
        saturation = float(np.iinfo(scan.info.dtype).max)
    conditions = Conditions(
        good=calibration.good.cpu().numpy(),
        counts_per_electron=calibration.counts_per_electron,
        offset_counts=calibration.offset_counts,
        saturation_counts=saturation,
        **needed,
    )
    conditions.check()
    return conditions


def frame_pass(
    scan: Scan,
    settings: ScanSettings,
    calibration: DetectorCalibration,
    network: HitNetwork,
    frames: int,
) -> FramePass:
    """Learn the background of a scan's first frames, and make ready to look at them."""
    conditions = conditions_of(scan, settings, calibration)
    share = share_looked_at(conditions, scan.info.dtype)
    judged = replace(conditions, exposure_e_per_a2=share * conditions.exposure_e_per_a2)
    finder = centre_finder(calibration)
    numbers = spread_frames(frames)
    sample = np.concatenate([read_upright(scan, settings, n, n + 1) for n in numbers.tolist()])
    centres = centres_of(sample, numbers.astype(np.int64), calibration, finder)
    some = [
        thinned(sample[place : place + 1], number, share, conditions.saturation_counts)
        for place, number in enumerate(numbers.tolist())
    ]
    background = learn_background(np.concatenate(some), centres, judged)
    measurer = FrameMeasurer(judged, background)
    return FramePass(
        scan, settings, calibration, judged, share, background, finder, measurer, network
    )
