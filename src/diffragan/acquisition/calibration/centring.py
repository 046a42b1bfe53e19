"""How the centre of frames is to be found: by the beam itself or by symmetry, from a sample."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from diffragan.acquisition.calibration.aligned import AlignedSums, Aligner, ring_sums
from diffragan.acquisition.calibration.centres import (
    SEARCH_PIXELS,
    CentreFinder,
    measured_slope_ratio,
)
from diffragan.acquisition.calibration.detector_calibration import CentredBy, Centring
from diffragan.acquisition.calibration.drift import SmoothCentres, combine, fit_drift
from diffragan.acquisition.calibration.frames import to_electrons
from diffragan.acquisition.calibration.judge_pixels import JudgedPixels
from diffragan.acquisition.calibration.rings import Map, radius_map, ring_means
from diffragan.acquisition.calibration.statistics import GROUPS
from diffragan.acquisition.calibration.symmetry_weights import log_slope
from diffragan.typing import Patterns, Tensor

Blocks = Iterable[tuple[int, NDArray[np.int64], Patterns]]

BEAM_OVER_RINGS = 4.0
"""How many times brighter than its surroundings a direct beam in view is."""
SURROUNDINGS = (8.0, 14.0)
"""Radii of those [pixels]."""
SMOOTHING_PIXELS = 2.5
"""Radius over which slopes are taken."""
INFORMATION_KEPT = 0.99
"""Share of what all rings know of the centre; rings beyond it are not looked at."""


@dataclass(frozen=True, slots=True)
class CentredSample:
    """What one pass over a sample gives, once its centres are known."""

    centring: Centring
    aligned: AlignedSums
    sums: Map
    """`(frame, ring)`, electrons."""
    pixels: Map
    """`(frame, ring)`, pixels measured."""


def first_centring(mean: Map, pixels: JudgedPixels, shape: tuple[int, int]) -> Centring:
    """Begin with the mean of all frames, and one centre for all.

    Parameters
    ----------
    mean : `(q_y, q_x)` electrons.
    shape : Positions of the scan.
    """
    good = pixels.faults.good().numpy()
    centre = np.array(pixels.rough_centre)
    by, peak = _in_view(np.where(good, mean, 0), good, pixels, centre)
    place = peak if by == "direct beam" else centre
    still = SmoothCentres(
        *(shape, 0, place[:, None], np.zeros((2, 1, 1)), np.full(2, float(SEARCH_PIXELS))),
        shape[0] - 1,
    )
    radius = radius_map(mean.shape, (place[0], place[1]))
    slope = expected_slope(mean, good.astype(float), radius, SMOOTHING_PIXELS)
    window = None if by == "symmetry" else _window(mean, good, radius)
    return Centring(by, slope, 1.0, window, still)


def centre_sample(
    blocks: Blocks, before: Centring, pixels: JudgedPixels, shape: tuple[int, int], count: int
) -> CentredSample:
    """Find the centres of a sample with what was known before, and from them what is known better.

    Parameters
    ----------
    blocks : Group, numbers and counts of upright frames.
    shape : Positions of the scan.
    count : How many frames the blocks hold together.
    """
    good = pixels.faults.good()
    finder: CentreFinder | None = None
    rows: list[list[Tensor]] = []
    numbers, change, expected = [], 0.0, 0.0
    for group, chosen, counts in blocks:
        if finder is None:
            good = good.to(counts.device)
            finder = CentreFinder(
                before.slope.to(counts.device), good, before.slope_ratio, before.window_pixels
            )
            aligner = Aligner(GROUPS, good)
        block = to_electrons(counts, pixels.offset_counts, pixels.counts_per_electron)
        surface, variance = before.smooth.at(chosen)
        own = finder.find(block, torch.from_numpy(surface).float().to(block.device))
        own_centres = own.centres.double().cpu().numpy()
        own_variances = own.variances.double().cpu().numpy()
        known = np.isfinite(own_variances).all(1)
        centres, _ = combine(
            *(own_centres, own_variances, surface, variance + before.smooth.jitter_variance)
        )
        placed = torch.from_numpy(centres).float().to(block.device)
        if known.any():
            parts = measured_slope_ratio(finder, block[known], placed[known])
            change, expected = change + parts[0], expected + parts[1]
        aligner.add(group, block, placed)
        rings = ring_sums(block, placed, good, max(good.shape))
        numbers.append(chosen)
        rows.append([own.centres.cpu(), own.variances.cpu(), rings[0].cpu(), rings[1].cpu()])
    found = [torch.cat([row[i] for row in rows]).double().numpy() for i in range(4)]
    aligned = aligner.finish()
    smooth = fit_drift(np.concatenate(numbers), found[0], found[1], shape)
    frames = aligned.frames.sum(0)
    radius = radius_map(aligned.mean.shape, tuple(aligned.centre))
    slope = expected_slope(
        aligned.mean, np.where(frames > 0.5 * count, frames, 0), radius, SMOOTHING_PIXELS
    )
    ratio = min(max(change / expected, 0.2), 3.0) if expected > 0 else 1.0
    centring = Centring(before.by, slope, ratio, before.window_pixels, smooth)
    return CentredSample(centring, aligned, found[2], found[3])


def expected_slope(mean: Map, weights: Map, radius: Map, smoothing: float) -> Tensor:
    """Slope of the logarithm of a mean pattern up to the ring beyond which little is known."""
    profile = ring_means(mean, radius, weights)
    pixels = np.bincount(np.round(radius).astype(int).ravel(), (weights > 0).ravel()).astype(
        np.float64
    )
    counts = np.nan_to_num(profile[: len(pixels)]).clip(min=0) * pixels
    slope = log_slope(profile[: len(pixels)], counts, smoothing)
    information = np.cumsum(counts * slope**2)
    end = int(np.searchsorted(information, INFORMATION_KEPT * information[-1])) + 2
    return torch.from_numpy(slope[:end].copy()).float()


def _window(mean: Map, good: NDArray[np.bool_], radius: Map) -> float:
    """Radius that holds the direct beam: four times that of half its height, and two pixels."""
    profile = ring_means(mean, radius, good.astype(float))
    top = np.nanmax(profile[:3])
    half = np.flatnonzero(np.nan_to_num(profile, nan=np.inf) < top / 2)
    first = int(half[0]) if len(half) else 1
    return float(min(4.0 * first + 2.0, min(mean.shape) / 4))


def _in_view(
    mean: Map, good: NDArray[np.bool_], pixels: JudgedPixels, centre: Map
) -> tuple[CentredBy, Map]:
    """Whether the direct beam is seen, and where in the mean pattern."""
    radius = radius_map(mean.shape, tuple(centre))
    hidden = (pixels.faults.beam_stop | pixels.faults.gaps | pixels.faults.saturated).numpy()
    near = (radius <= SEARCH_PIXELS) & good
    if hidden[radius <= 3].any() or not near.any():
        return "symmetry", centre
    smooth = median_filter(mean, 3)
    top = np.unravel_index(int(np.where(near, smooth, -np.inf).argmax()), mean.shape)
    around = radius_map(mean.shape, (float(top[0]), float(top[1])))
    ring = good & (around >= SURROUNDINGS[0]) & (around <= SURROUNDINGS[1])
    if not ring.any() or smooth[top] < BEAM_OVER_RINGS * np.median(mean[ring]):
        return "symmetry", centre
    return "direct beam", np.array(top, dtype=float)
