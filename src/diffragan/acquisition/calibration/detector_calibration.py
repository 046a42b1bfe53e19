"""What a calibrated detector is, and the centres and electrons it gives."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.background import Background
from diffragan.acquisition.calibration.camera_length import CameraLength
from diffragan.acquisition.calibration.centres import CentreFinder
from diffragan.acquisition.calibration.drift import SmoothCentres, combine
from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.acquisition.calibration.frames import to_electrons
from diffragan.errors import InputError
from diffragan.typing import Float, Mask, Patterns, Tensor

CentredBy = Literal["direct beam", "symmetry"]


@dataclass(frozen=True, slots=True)
class PixelFaults:
    """Why pixels are not measured, `(q_y, q_x)` each."""

    dead: Mask
    hot: Mask
    noisy: Mask
    beam_stop: Mask
    gaps: Mask
    saturated: Mask
    """Pixels that reach their largest value in some frames, and those beside them."""

    def good(self) -> Mask:
        """Return the pixels that none of these concerns."""
        parts = (self.dead, self.hot, self.noisy, self.beam_stop, self.gaps, self.saturated)
        return ~torch.stack(parts).any(0)


@dataclass(frozen=True, slots=True)
class Centring:
    """How the centre of a frame is found."""

    by: CentredBy
    slope: Float[Tensor, " ring"]
    """Slope of the logarithm of the expected pattern [1/pixel]."""
    slope_ratio: float
    """Measured slope of the balance over the one expected."""
    window_pixels: float | None
    """Radius of the window whose centroid is the direct beam; none where it is hidden."""
    smooth: SmoothCentres


@dataclass(frozen=True, slots=True)
class DetectorCalibration:
    """One scan's detector and lenses, in upright frames (`io.scans.upright`)."""

    frame_shape: tuple[int, int]
    faults: PixelFaults
    offset_counts: float
    counts_per_electron: float
    """The value that is used; exactly 1 for a counting detector."""
    found_counts_per_electron: float | None
    """From variance against mean; none where it cannot be told."""
    counts_per_electron_error: float | None
    centring: Centring
    ellipse: Ellipse
    mrad_per_pixel: float | None
    """The value to use [mrad]: by sharp rings, or the given one."""
    camera: CameraLength | None
    """By rings, whatever is used; none without rings."""
    background: Background
    sampled: int
    """How many frames were looked at."""
    saturated_share: float
    """Share of those with saturated pixels."""
    warnings: tuple[str, ...]
    """Of all but the camera length."""

    @property
    def good(self) -> Mask:
        """The pixels that are measured."""
        return self.faults.good()


@dataclass(frozen=True, slots=True)
class FrameCentres:
    """Where the direct beam is in each frame."""

    centres: Float[Tensor, "frame 2"]
    """Row and column [pixels]."""
    errors: Float[Tensor, "frame 2"]
    """Standard errors [pixels]."""


def electrons(counts: Patterns, calibration: DetectorCalibration) -> Patterns:
    """Turn upright frames `(frame, q_y, q_x)` of counts into electrons.

    A counting detector's come back as they are, whole numbers; of others, less the offset and
    divided by the counts of an electron. Pixels that are not measured keep what they hold.

    Raises
    ------
    InputError : Frames of another size.
    """
    _check_shape(counts, calibration)
    return to_electrons(counts, calibration.offset_counts, calibration.counts_per_electron)


def centre_finder(
    calibration: DetectorCalibration, device: torch.device | str = "cpu"
) -> CentreFinder:
    """Return what keeps the weights of a calibration, to be handed to `frame_centres`."""
    centring = calibration.centring
    return CentreFinder(
        *(centring.slope.to(device), calibration.good.to(device)),
        *(centring.slope_ratio, centring.window_pixels),
    )


def frame_centres(
    frames: Patterns,
    numbers: NDArray[np.int64],
    calibration: DetectorCalibration,
    finder: CentreFinder | None = None,
) -> FrameCentres:
    """Find the direct beam of each frame.

    Its own estimate, by the direct beam or by the pattern's symmetry, is weighed against the
    smooth surface over the scan by their variances. No frame depends on others of its block.

    Parameters
    ----------
    frames : `(frame, q_y, q_x)`, upright, in electrons.
    numbers : `(frame,)`, their numbers in the scan.
    finder : From `centre_finder`, to keep weights from block to block.

    Raises
    ------
    InputError : Frames of another size, or not a number for each.
    """
    _check_shape(frames, calibration)
    if len(numbers) != len(frames):
        raise InputError(f"{len(frames)} frames with {len(numbers)} numbers; give one for each")
    finder = finder or centre_finder(calibration, frames.device)
    smooth = calibration.centring.smooth
    surface, variance = smooth.at(numbers)
    own = finder.find(frames, torch.from_numpy(surface).float().to(frames.device))
    centres, variances = combine(
        own.centres.double().cpu().numpy(),
        own.variances.double().cpu().numpy(),
        *(surface, variance + smooth.jitter_variance),
    )
    found = [torch.from_numpy(v).float().to(frames.device) for v in (centres, np.sqrt(variances))]
    return FrameCentres(found[0], found[1])


def _check_shape(frames: Patterns, calibration: DetectorCalibration) -> None:
    if tuple(frames.shape[1:]) != calibration.frame_shape:
        raise InputError(
            f"frames of {tuple(frames.shape[1:])} pixels; the calibration is of frames of "
            f"{calibration.frame_shape}"
        )
