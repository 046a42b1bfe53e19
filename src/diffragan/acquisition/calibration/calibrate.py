"""The first pass over a scan: all that is to be known before frames are looked at one by one."""

from math import inf

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from diffragan.acquisition.calibration.background import NOT_ROUND, Background, find_background
from diffragan.acquisition.calibration.camera_length import CameraLength, find_camera_length
from diffragan.acquisition.calibration.centring import (
    Blocks,
    CentredSample,
    centre_sample,
    first_centring,
)
from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.calibration.ellipse import Ellipse, find_ellipse, round_radius
from diffragan.acquisition.calibration.judge_pixels import judge_pixels
from diffragan.acquisition.calibration.ring_spacings import RingKind
from diffragan.acquisition.calibration.rings import ring_means, spread_over
from diffragan.acquisition.calibration.sample import choose_frames, sampled_blocks
from diffragan.acquisition.calibration.statistics import pixel_statistics
from diffragan.config.acquisition import ScanSettings
from diffragan.electron import Electron
from diffragan.io.scans.known import known_settings
from diffragan.io.scans.scan import Scan
from diffragan.progress import Bar, progress_bar

SAMPLE_FRAMES = 800
ALL_IN_ONE_ROW = 1
SHOWN_SHARE = 0.3
"""Share of a ring that must be measured where rings begin to be looked at."""
LEAST_SPAN = 0.1
"""Width of a span of rings, as a share of the outermost, at least."""
ELLIPSE_FROM = 0.25
"""Share of the outermost ring from which on rings tell the ellipse: at low angles edges of a film
scatter to one side."""
UNSURE_RATIO = 0.0035
"""Standard error of an ellipse's ratio, along either of its two axes, above which more frames are
looked at for it; if that does not help, a warning asks for what others have measured."""
CLOSER_FRAMES = 8000
"""So many then: where rings come from molecules alone, each molecule more makes them rounder."""
CONTRADICTED_ERRORS = 4.0
"""So many standard errors from what the patterns say, a given ellipse is told to be odd."""
LOW_PER_ANGSTROM = (1 / 40, 1 / 8)
"""Where a protein scatters more than ice does [1/Å]."""
HIGH_PER_ANGSTROM = (1 / 5, 1 / 2)
"""Where ice scatters most, and its thickness is measured [1/Å]."""


def calibrate(
    scan: Scan,
    settings: ScanSettings,
    *,
    rings: RingKind | None = None,
    sample_frames: int | None = SAMPLE_FRAMES,
    device: torch.device | str = "cpu",
    shown: bool = False,
) -> DetectorCalibration:
    """Calibrate detector and lenses from frames spread over a scan.

    The frames are read three times over, in blocks, and more of them once where these do not tell
    the ellipse; memory does not grow with the scan.

    Parameters
    ----------
    settings : What is given counts; what the scan's file says of the rest.
    rings : What rings of known spacings the patterns hold; when left out, those of ice, where
        they are seen.
    sample_frames : How many frames to look at; all when none.
    shown : Whether to show progress.

    Raises
    ------
    InputError : There are too few frames, no counts, all are saturated, or some are damaged.
    """
    settings = known_settings(scan.info.found, settings)
    available = scan.available()
    numbers = choose_frames(available, sample_frames)
    whole = scan.info.dtype.kind in "ui"
    saturation = settings.saturation_counts
    if saturation is None and whole:
        saturation = float(np.iinfo(scan.info.dtype).max)
    shape = settings.shape or scan.info.shape or (ALL_IN_ONE_ROW, available)
    with progress_bar(3 * len(numbers), "calibrating", shown=shown) as bar:

        def blocks() -> Blocks:
            return _counted_on(bar, sampled_blocks(scan, settings, numbers, device))

        statistics = pixel_statistics(blocks(), saturation)
        pixels = judge_pixels(statistics, settings, whole)
        mean = (statistics.mean - pixels.offset_counts) / pixels.counts_per_electron
        centring = first_centring(mean, pixels, shape)
        for _ in range(2):
            sample = centre_sample(blocks(), centring, pixels, shape, len(numbers))
            centring = sample.centring
    inner, outer = _ring_range(sample)
    ring_range = max(inner, ELLIPSE_FROM * outer), outer
    found = find_ellipse(sample.aligned, *ring_range)
    if settings.ellipticity is None and found.ratio_error > UNSURE_RATIO:
        more = choose_frames(available, CLOSER_FRAMES)
        if len(more) > len(numbers):
            with progress_bar(len(more), "calibrating: ellipse", shown=shown) as bar:
                frames = _counted_on(bar, sampled_blocks(scan, settings, more, device))
                closer = centre_sample(frames, centring, pixels, shape, len(more))
            found = find_ellipse(closer.aligned, *ring_range)
    warnings = list(pixels.warnings)
    ellipse = _ellipse(found, settings, warnings)
    camera, mrad = _camera(sample, ellipse, settings, rings, inner, warnings)
    share = statistics.saturated_frames / len(numbers)
    if share > 0:
        warnings.append(f"{share:.0%} of the frames hold saturated pixels, which are left out")
    return DetectorCalibration(
        frame_shape=(mean.shape[0], mean.shape[1]),
        faults=pixels.faults,
        offset_counts=pixels.offset_counts,
        counts_per_electron=pixels.counts_per_electron,
        found_counts_per_electron=pixels.found.counts_per_electron if pixels.found else None,
        counts_per_electron_error=pixels.found.error if pixels.found else None,
        centring=centring,
        ellipse=ellipse,
        mrad_per_pixel=mrad,
        camera=camera,
        background=_background(sample, ellipse, settings.energy_kev, mrad, inner, outer),
        sampled=len(numbers),
        saturated_share=share,
        warnings=tuple(warnings),
    )


def _ring_range(sample: CentredSample) -> tuple[float, float]:
    """Radii between which rings are whole enough and the direct beam is out of the way [pixels]."""
    y, x = sample.aligned.centre
    height, width = sample.aligned.mean.shape
    outer = max(min(y, height - 1 - y), min(x, width - 1 - x))
    inner = 4.0
    if sample.centring.window_pixels is not None:
        inner = max(inner, 1.5 * sample.centring.window_pixels)
    inner = min(inner, outer / 4)
    # Behind a beam stop nothing begins before most of a ring shows.
    rings = np.arange(sample.pixels.shape[1])
    shown = sample.pixels.mean(0) > SHOWN_SHARE * 2 * np.pi * rings
    begin = np.flatnonzero(shown & (rings >= inner))
    return (max(inner, float(begin[0])) if len(begin) else inner), outer


def _counted_on(bar: Bar, blocks: Blocks) -> Blocks:
    for group, chosen, counts in blocks:
        yield group, chosen, counts
        bar.advance(len(counts))


def _ellipse(found: Ellipse, settings: ScanSettings, warnings: list[str]) -> Ellipse:
    """Return the ellipse to use: what is given counts."""
    if settings.ellipticity is None or settings.ellipticity_angle_deg is None:
        if UNSURE_RATIO < found.ratio_error < inf:
            warnings.append(
                f"the patterns tell their ellipticity to {100 * found.ratio_error:.1f} % only; if "
                "it is known, give scan.ellipticity with scan.ellipticity_angle_deg"
            )
        return found
    # A diameter has two directions; an ellipse is known by the one in (-90, 90].
    direction = 90 - (90 - settings.ellipticity_angle_deg) % 180
    given = Ellipse(1 + settings.ellipticity, direction, 0.0)
    if given.ratio_to(found) - 1 > CONTRADICTED_ERRORS * found.ratio_error:
        warnings.append(
            f"scan.ellipticity is {100 * settings.ellipticity:.3g} % at "
            f"{settings.ellipticity_angle_deg:.3g} degrees, and the patterns say "
            f"{100 * (found.ratio - 1):.2g} % at {found.angle_deg:.0f}, good to "
            f"{100 * found.ratio_error:.1g} %; what is given counts"
        )
    return given


def _camera(
    sample: CentredSample,
    ellipse: Ellipse,
    settings: ScanSettings,
    rings: RingKind | None,
    inner: float,
    warnings: list[str],
) -> tuple[CameraLength | None, float | None]:
    """Find the camera length by rings, and the one to use [mrad per pixel]."""
    given = settings.angle_per_pixel_mrad
    if given is None or settings.energy_kev is None:
        if rings is not None:
            warnings.append(
                "rings say nothing without scan.energy_kev and an approximate scan.mrad_per_pixel"
            )
        return None, given
    electron = Electron(settings.energy_kev)
    kinds: tuple[RingKind, ...] = (rings,) if rings else ("ice", "vitreous-ice")
    camera = None
    for kind in kinds:
        camera = find_camera_length(
            *(sample.aligned, ellipse.matrix(), electron, given, kind), inner_pixels=inner
        )
        if camera is not None:
            break
    if camera is None:
        if rings is not None:
            warnings.append(f"no rings of {rings} stand out near the given camera length")
        return None, given
    return camera, camera.used_mrad_per_pixel


def _background(
    sample: CentredSample,
    ellipse: Ellipse,
    energy_kev: float | None,
    mrad_per_pixel: float | None,
    inner: float,
    outer: float,
) -> Background:
    low, high = (inner, outer / 4), (outer / 3, outer)
    if energy_kev is not None and mrad_per_pixel is not None:
        pixel = Electron(energy_kev).frequency_per_angstrom(mrad_per_pixel)
        low, high = (
            (q[0] / pixel, min(q[1] / pixel, outer)) for q in (LOW_PER_ANGSTROM, HIGH_PER_ANGSTROM)
        )
    spans = []
    for (first, last), share in ((low, 0.1), (high, 0.5)):
        # Where the frame ends before such angles, its inner and outer rings stand for them.
        start = max(inner, min(first, share * outer))
        stop = max(min(last, outer), start + LEAST_SPAN * outer)
        spans.append((round(start), max(round(stop), round(start) + 1)))
    mean = sample.aligned.mean
    frames = sample.aligned.frames.sum(0)
    measured = frames > 0.5 * frames.max()
    radius = round_radius((mean.shape[0], mean.shape[1]), sample.aligned.centre, ellipse.matrix())
    model = spread_over(ring_means(mean, radius, frames * measured), radius)
    use = measured & (radius >= inner) & (radius <= outer) & (model > 0)
    off = np.where(use, mean / np.where(model > 0, model, 1) - 1, 0)
    smooth = gaussian_filter(off, 4) / np.maximum(gaussian_filter(use.astype(float), 4), 1e-3)
    uneven = float(np.sqrt(np.mean(smooth[use] ** 2))) > NOT_ROUND
    return find_background(sample.sums, sample.pixels, spans[0], spans[1], mean if uneven else None)
