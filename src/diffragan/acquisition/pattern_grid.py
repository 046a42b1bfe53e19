"""The grid that patterns are handed over on: the detector's own sampling, centred and round."""

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.acquisition.spreading import Move, Points
from diffragan.config.acquisition import PIXEL_SPREAD, ObservationSettings
from diffragan.electron import Electron
from diffragan.errors import ConfigError, InputError

LARGE_ENOUGH_ANGSTROM = 140.0
"""Boxes twice as large are divided: patterns of proteins need no finer sampling than this one's."""
SAME_BOX = 0.02
"""A box that is asked for may differ by this share from what the detector's pixels make."""
FEWEST_PIXELS = 4
"""On each side of the centre, below which a pattern is no pattern."""
STRAY = 6.0
"""Frames whose centres lie farther from the median than this many median deviations are strays."""
LEAST_STRAY_PIXELS = 2.0


@dataclass(frozen=True, slots=True)
class PatternGrid:
    """A square of pixels about the direct beam, each a whole number of detector pixels wide."""

    box_angstrom: float
    """Side of the images: the inverse of the pixels' width."""
    half: int
    """Pixels on each side of the middle one."""
    binning: int
    """Detector pixels along the side of one."""
    rounding: NDArray[np.float64]
    """`(2, 2)`, from offsets (row, column) on the detector to those of a round pattern."""

    @property
    def pixels(self) -> int:
        """Side of the square."""
        return 2 * self.half + 1

    def move(self, centre: NDArray[np.floating]) -> Move:
        """From rows and columns of a frame to those of the grid.

        Parameters
        ----------
        centre : Row and column of the direct beam in the frame.
        """

        def to_grid(places: Points) -> Points:
            return np.asarray((places - centre) @ self.rounding.T / self.binning + self.half)

        return to_grid

    def spread_pixels(self, detector_pixels: float) -> float:
        """Return the standard deviation of where electrons are counted on the grid [its pixels].

        Added up: that of the detector, of the random place in a pixel that an electron is given
        before it is moved, and of the pixel of the grid that it falls into.

        Parameters
        ----------
        detector_pixels : That of the detector [its pixels].
        """
        moved = (detector_pixels**2 + PIXEL_SPREAD**2) / self.binning**2
        return float((moved + PIXEL_SPREAD**2) ** 0.5)

    def back(self, centre: NDArray[np.floating]) -> Move:
        """From rows and columns of the grid to those of a frame."""
        inverse = np.linalg.inv(self.rounding)

        def to_frame(places: Points) -> Points:
            return np.asarray((places - self.half) * self.binning @ inverse.T + centre)

        return to_frame

    def radius(self) -> NDArray[np.float64]:
        """Distance of each pixel from the middle [pixels of the detector]."""
        axis = np.arange(self.pixels) - self.half
        return np.asarray(np.hypot(axis[:, None], axis) * self.binning)


def usual_centres(centres: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Tell which frames have their direct beam where frames have it; one astray costs all."""
    away = np.abs(centres - np.median(centres, axis=0)).max(1)
    return np.asarray(away <= max(LEAST_STRAY_PIXELS, STRAY * float(np.median(away))))


def pattern_grid(
    centres: NDArray[np.floating],
    frame_shape: tuple[int, int],
    mrad_per_pixel: float,
    electron: Electron,
    ellipse: Ellipse,
    settings: ObservationSettings,
) -> PatternGrid:
    """Choose the largest square that all frames hold, or that is asked for.

    Parameters
    ----------
    centres : `(frame, 2)`, row and column of the direct beam in the frames that are handed over.
    frame_shape : Pixels of a frame along q_y and q_x.
    mrad_per_pixel : Angle between pixels [mrad].
    ellipse : What round patterns look like on the detector.
    settings : Box and angle, where they are given.

    Raises
    ------
    ConfigError : The box is not one that the detector's pixels make, or the angle is not held.
    InputError : Frames hold next to nothing about their centres.
    """
    whole = 1 / electron.frequency_per_angstrom(mrad_per_pixel)
    binning = _binning(whole, settings.box_angstrom)
    edges = np.array(frame_shape) - 0.5
    room = float(min((centres.min(0) + 0.5).min(), (edges - centres.max(0)).min()))
    # The corners of a square that is made round reach a little farther.
    rounding = np.asarray(ellipse.matrix())
    room /= float(np.abs(np.linalg.inv(rounding)).sum(1).max())
    half = floor(room / binning - 0.5)
    box = whole / binning
    if settings.max_angle_mrad is not None:
        wanted = floor(electron.frequency_per_angstrom(settings.max_angle_mrad) * box + 1e-6)
        if wanted > half:
            raise ConfigError(
                f"observations.max_angle_mrad is {settings.max_angle_mrad:g}; the frames hold "
                f"{max(half, 0) * binning * mrad_per_pixel:.3g} mrad about their direct beams"
            )
        half = wanted
    if half < FEWEST_PIXELS:
        raise InputError(
            f"frames of {frame_shape[0]} x {frame_shape[1]} pixels hold {max(half, 0)} pixels of "
            f"1/{box:.0f} 1/Å about their direct beam; {FEWEST_PIXELS} are the least"
        )
    return PatternGrid(box, half, binning, rounding)


def _binning(whole_angstrom: float, wanted_angstrom: float | None) -> int:
    """Detector pixels along a pixel's side, from the box that one makes and the box wanted."""
    if wanted_angstrom is None:
        return max(1, floor(whole_angstrom / LARGE_ENOUGH_ANGSTROM))
    binning = max(1, round(whole_angstrom / wanted_angstrom))
    if abs(whole_angstrom / binning - wanted_angstrom) > SAME_BOX * wanted_angstrom:
        near = sorted({max(1, binning - 1), binning, binning + 1})
        boxes = ", ".join(f"{whole_angstrom / number:.1f}" for number in near)
        raise ConfigError(
            f"observations.box_angstrom is {wanted_angstrom:g}, and the detector's sampling makes "
            f"boxes of {boxes} Å; give one of these, or leave it out"
        )
    return binning
