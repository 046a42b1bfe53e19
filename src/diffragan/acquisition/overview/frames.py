"""Frames of reference: the scan's, the image's, the detector's.

A point of the image is x, y [Å] from pixel n // 2, with y along the rows or, in an image whose rows
run against the scan's y, against them. A vector v of one frame has the components R(a)^-1 v in a
frame whose x axis is turned by a, from x to y.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffragan.config.acquisition import AcquisitionSettings

Points = NDArray[np.float64]
"""`(n, 2)`, x and y."""


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """Where the pixels of an image lie."""

    shape: tuple[int, int]
    """Rows and columns."""
    pixel_angstrom: float
    flipped_y: bool = False
    """Whether the rows run against y."""

    def to_angstrom(self, pixels: ArrayLike) -> Points:
        """Points x, y [Å] of pixels given as `(n, 2)` columns and rows."""
        from_origin = np.asarray(pixels, dtype=np.float64) - self._origin
        return from_origin * self._signs * self.pixel_angstrom

    def to_pixels(self, points: ArrayLike) -> Points:
        """Columns and rows `(n, 2)` of points x, y [Å]."""
        scaled = np.asarray(points, dtype=np.float64) * self._signs / self.pixel_angstrom
        return np.asarray(scaled + self._origin)

    def holds(self, points: ArrayLike, margin_angstrom: float = 0.0) -> NDArray[np.bool_]:
        """Tell which points lie in the image, at least `margin_angstrom` from its edges."""
        pixels = self.to_pixels(points)
        margin = margin_angstrom / self.pixel_angstrom
        last = np.array(self.shape[::-1]) - 1
        return np.asarray(((pixels >= margin) & (pixels <= last - margin)).all(-1))

    @property
    def _origin(self) -> Points:
        return np.array([self.shape[1] // 2, self.shape[0] // 2], dtype=np.float64)

    @property
    def _signs(self) -> Points:
        return np.array([1.0, -1.0 if self.flipped_y else 1.0])


def turn(angle_deg: float) -> Points:
    """Return the matrix R(a) `(2, 2)` that turns vectors x, y from x to y."""
    angle = np.deg2rad(angle_deg)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine], [sine, cosine]])


def scan_points(shape: tuple[int, int], step_angstrom: float) -> Points:
    """Positions of a scan in its own frame `(scan_y * scan_x, 2)`, x and y [Å], row by row."""
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    grid = np.meshgrid(x * step_angstrom, y * step_angstrom)
    return np.stack([axis.ravel() for axis in grid], axis=-1)


@dataclass(frozen=True, slots=True)
class Crop:
    """Where a piece of the image that is turned into the detector's frame comes from."""

    centre_pixels: tuple[float, float]
    """Column and row of the molecule's centre, the origin of the crop."""
    matrix: Points
    """`(2, 2)`: a point x, y [Å] of the detector's frame, seen from the molecule's centre, lies
    `matrix @ (x, y)` columns and rows from `centre_pixels`."""

    def to_pixels(self, points: ArrayLike) -> Points:
        """Columns and rows of the image `(n, 2)` of points x, y [Å] of the detector's frame."""
        from_centre = np.asarray(points, dtype=np.float64) @ self.matrix.T
        return np.asarray(from_centre + np.array(self.centre_pixels))

    def to_detector(self, pixels: ArrayLike) -> Points:
        """Points x, y [Å] of the detector's frame `(n, 2)` of columns and rows of the image."""
        from_centre = np.asarray(pixels, dtype=np.float64) - np.array(self.centre_pixels)
        return np.asarray(from_centre @ np.linalg.inv(self.matrix).T)


def crop_of(
    centre: ArrayLike, frame: ImageFrame, scan_to_image_deg: float, settings: AcquisitionSettings
) -> Crop:
    """Return where the piece of the image around a molecule comes from.

    Parameters
    ----------
    centre : The molecule's centre in the image, x and y [Å].
    frame : Of the image.
    scan_to_image_deg : As the registration found it.
    settings : For the angle between scan and detector.
    """
    to_image = turn(settings.scan.scan_to_detector_deg - scan_to_image_deg)
    signs = np.diag([1.0, -1.0 if frame.flipped_y else 1.0])
    x, y = frame.to_pixels(np.asarray(centre, dtype=np.float64)[None])[0]
    return Crop((float(x), float(y)), signs @ to_image / frame.pixel_angstrom)
