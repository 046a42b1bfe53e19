"""The angle between pixels, from rings of known spacings."""

from dataclasses import dataclass
from math import hypot

import numpy as np

from diffragan.acquisition.calibration.aligned import AlignedSums
from diffragan.acquisition.calibration.ellipse import round_radius
from diffragan.acquisition.calibration.halo import scale_by_halo
from diffragan.acquisition.calibration.ring_spacings import KNOWN, RingKind
from diffragan.acquisition.calibration.rings import Map
from diffragan.acquisition.calibration.sharp_rings import scale_by_rings
from diffragan.electron import Electron


@dataclass(frozen=True, slots=True)
class CameraLength:
    """The angle between neighbouring pixels by rings."""

    mrad_per_pixel: float
    error: float
    """Standard error, with that of the rings' spacings [mrad per pixel]."""
    rings: RingKind
    found: int
    """How many rings were seen."""


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
    return CameraLength(best.scale, error, kind, best.rings)
