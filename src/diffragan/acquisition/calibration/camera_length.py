"""The angle between pixels, from rings of known spacings."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.crystal_spots import scale_by_spots
from diffragan.acquisition.calibration.ellipse import round_radius
from diffragan.acquisition.calibration.halo import scale_by_halo
from diffragan.acquisition.calibration.ring_spacings import KNOWN, RingKind
from diffragan.acquisition.calibration.rings import Map
from diffragan.acquisition.calibration.sharp_rings import scale_by_rings
from diffragan.electron import Electron

LARGEST_ERROR = 0.005
"""A camera length by rings that is known worse than this does not replace a given one."""
CONTRADICTION_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class CameraLength:
    """The angle between neighbouring pixels by rings, or by spots that lie on them."""

    given_mrad_per_pixel: float
    """What the microscope claims."""
    mrad_per_pixel: float
    """What the rings say."""
    error: float
    """Standard error, with that of the rings' spacings [mrad per pixel]."""
    rings: RingKind
    found: int
    """How many rings were seen."""

    @property
    def used_mrad_per_pixel(self) -> float:
        """The rings' where they say it exactly enough, and the given one otherwise."""
        return self.mrad_per_pixel if self._is_exact else self.given_mrad_per_pixel

    @property
    def warning(self) -> str | None:
        """What is to be said where they contradict what was given."""
        given = self.given_mrad_per_pixel
        if abs(self.mrad_per_pixel - given) <= CONTRADICTION_SIGMAS * self.error:
            return None
        return (
            f"scan.mrad_per_pixel is {given:.5g}, but rings of {self.rings} give "
            f"{self.mrad_per_pixel:.5g} +- {self.error:.2g}"
            + (", which is taken" if self._is_exact else "; the given one is taken")
        )

    @property
    def _is_exact(self) -> bool:
        return self.error <= LARGEST_ERROR * self.given_mrad_per_pixel


def find_camera_length(
    aligned: AlignedSums,
    matrix: Map,
    electron: Electron,
    nominal_mrad_per_pixel: float,
    kind: RingKind,
    inner_pixels: float,
) -> CameraLength | None:
    """Measure the angle per pixel, near a nominal one.

    Parameters
    ----------
    aligned : Frames added up about their centres.
    matrix : From `Ellipse.matrix`; makes rings round.
    nominal_mrad_per_pixel : What the microscope claims.
    kind : What the rings are of.
    inner_pixels : Radius that hides or drowns rings.

    Returns
    -------
    Nothing when no such rings stand out. Crystals' rings are looked for in the mean, and in how
    unevenly frames count, which shows the spots of few grains.
    """
    known = KNOWN[kind]
    angles = np.array([electron.angle_mrad(1 / d) for d in known.spacings_angstrom])
    radius = round_radius(aligned.frames.shape[1:], aligned.centre, matrix)
    nominal = nominal_mrad_per_pixel
    if known.sharp:
        tries = [
            scale_by_rings(aligned, radius, angles, known, nominal, inner_pixels, unevenness=uneven)
            for uneven in (False, True)
        ]
    else:
        tries = [scale_by_halo(aligned, radius, angles, known, nominal, inner_pixels)]
    found = [one for one in tries if one is not None]
    if not found:
        return None
    best = min(found, key=lambda one: one.error)
    error = hypot(best.error, known.relative_error * best.scale)
    return CameraLength(nominal, best.scale, error, kind, best.rings)


def camera_length_by_spots(
    radii: Sequence[Map], electron: Electron, nominal_mrad_per_pixel: float
) -> CameraLength | None:
    """Measure the angle per pixel by the spots of crystalline ice; nothing where there are few.

    Parameters
    ----------
    radii : `(frame)(spot,)`, distances of spots from the direct beam, in the order of the scan
        [pixels].
    nominal_mrad_per_pixel : What the microscope claims.
    """
    known = KNOWN["ice"]
    angles = np.array([electron.angle_mrad(1 / d) for d in known.spacings_angstrom])
    found = scale_by_spots(radii, angles, known, nominal_mrad_per_pixel)
    if found is None:
        return None
    return CameraLength(nominal_mrad_per_pixel, found.scale, found.error, "ice", found.rings)
