"""What the beam counts where no molecule is, from the frames that were told to show none.

A molecule scatters at the angles at which ice does, too. A background that is scaled to the hit
itself would take what the molecule scatters for ice, so its scale is that of the frames about it.
"""

from dataclasses import replace

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
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.io.scans.scan import Scan

SURELY = 0.95
"""Probability of nothing but ice, from which a frame counts as empty."""
FEWEST, MOST = 32, 600
"""Frames that a background is the mean of: with fewer, it is left as calibration found it."""
USUAL_COUNTS = 20.0
"""Electrons that speak for the usual scale beforehand, where next to nothing is counted."""
NEIGHBOURS = 24
"""Empty frames about a hit, whose thickness its own is taken to be."""


def empty_frames(table: FrameClasses) -> NDArray[np.intp]:
    """Numbers of the frames that surely show nothing but ice."""
    columns = [CLASSES.index(name) for name in ("empty", "ice")]
    return np.flatnonzero(np.asarray(table.probability)[:, columns].sum(1) > SURELY)


def with_empty_background(
    scan: Scan, settings: AcquisitionSettings, calibration: DetectorCalibration, table: FrameClasses
) -> DetectorCalibration:
    """Take the background anew from frames that show no molecule."""
    frames = empty_frames(table)
    if len(frames) < FEWEST:
        return calibration
    if len(frames) > MOST:
        frames = frames[np.linspace(0, len(frames) - 1, MOST).astype(np.intp)]
    before = calibration.background
    sums, pixels = _rings(scan, settings, calibration, table, frames)
    pattern = None if before.pattern is None else before.pattern.double().cpu().numpy()
    background = mean_background(sums, pixels, before.scaled_on, pattern)
    return replace(calibration, background=background)


def background_scales(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
    hits: NDArray[np.integer],
) -> NDArray[np.float64]:
    """How much of the usual background each hit has, `(hit,)`: as the empty frames about it."""
    empty = empty_frames(table)
    if len(empty) < FEWEST:
        return _scales_of(scan, settings, calibration, table, np.asarray(hits)[:, None])
    columns = (settings.scan.shape or (1, len(table)))[1]
    places = np.stack(np.divmod(empty, columns), -1)
    _, near = cKDTree(places).query(np.stack(np.divmod(hits, columns), -1), NEIGHBOURS)
    return _scales_of(scan, settings, calibration, table, empty[near])


def _scales_of(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
    groups: NDArray[np.integer],
) -> NDArray[np.float64]:
    """Electrons over those expected, in the rings that tell thickness, of groups of frames."""
    background: Background = calibration.background
    first, last = background.scaled_on
    profile = background.profile.double().cpu().numpy()[first:last]
    numbers, place = np.unique(groups, return_inverse=True)
    sums, pixels = _rings(scan, settings, calibration, table, numbers)
    found = sums[:, first:last].sum(1)[place.reshape(groups.shape)]
    expected = (pixels[:, first:last] @ profile)[place.reshape(groups.shape)]
    return np.asarray(_middle_half(found, expected))


def _middle_half(found: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ratio of the sums over the half of each group whose own ratios lie about its median."""
    order = np.argsort(found / np.maximum(expected, 1e-12), axis=1, kind="stable")
    count = max(1, order.shape[1] // 2)
    start = (order.shape[1] - count) // 2
    chosen = order[:, start : start + count]
    total, wanted = (np.take_along_axis(v, chosen, 1).sum(1) for v in (found, expected))
    return np.asarray((total + USUAL_COUNTS) / (wanted + USUAL_COUNTS))


def _rings(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
    numbers: NDArray[np.integer],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Electrons and pixels of the rings of frames, `(frame, ring)` each."""
    rings = len(calibration.background.profile)
    parts = []
    for number in numbers.tolist():
        values = read_electrons(scan, settings.scan, calibration, number)
        centre = torch.from_numpy(table.centre[number][None]).float()
        parts.append(ring_sums(values, centre, calibration.good, rings))
    sums, pixels = (torch.cat(columns).double().numpy() for columns in zip(*parts, strict=True))
    return sums, pixels
