"""Where the beam goes, and how scan, detector and image lie to each other.

All places are x, y [Å] in the frame of the nominal scan, its middle at the origin. The detector's
x axis is that frame's turned by an angle from x to y, so a vector v has the components R(a)^-1 v
there; likewise the image's.
"""

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from diffragan.config.scan_simulation import CameraSettings, PathSettings

Points = NDArray[np.float64]
"""`(n, 2)`, x and y."""
CURVE_SHARE = 0.1
"""Of a drift that is on the whole straight, what bends to and fro."""


def rotation(angle_deg: float) -> NDArray[np.float64]:
    """Return the matrix that turns vectors x, y by an angle from x to y."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return np.array([[c, -s], [s, c]])


def pattern_stretch(camera: CameraSettings) -> NDArray[np.float64]:
    """Return the symmetric matrix that turns round rings into the ellipses of the detector.

    It keeps the area: the mean radius says the camera length.
    """
    turn = rotation(camera.ellipticity_angle_deg)
    longest = (1 + camera.ellipticity) ** 0.5
    stretched: NDArray[np.float64] = turn @ np.diag([longest, 1 / longest]) @ turn.T
    return stretched


def nominal_positions(path: PathSettings) -> Points:
    """Return where the beam ought to be in every frame, x running fastest."""
    rows, columns = path.shape
    y, x = np.meshgrid(
        np.arange(rows) - (rows - 1) / 2, np.arange(columns) - (columns - 1) / 2, indexing="ij"
    )
    return np.stack([x.ravel(), y.ravel()], 1) * path.step_angstrom


def beam_positions(path: PathSettings, generator: np.random.Generator) -> Points:
    """Draw where the beam is: turned, scaled, drifted and shaken.

    The drift is of the specimen, so the beam drifts over it; it has no mean.
    """
    nominal = nominal_positions(path)
    there: Points = nominal @ rotation(path.rotation_error_deg).T * (1 + path.scale_error)
    time = np.linspace(-0.5, 0.5, len(nominal))
    directions = generator.uniform(0, 360, 2)
    straight, across = (rotation(float(angle))[:, 0] for angle in directions)
    swing = CURVE_SHARE * np.sin(2 * np.pi * (time + generator.uniform()))
    drift = time[:, None] * straight + (swing - swing.mean())[:, None] * across
    shake = generator.normal(0, path.jitter_angstrom, nominal.shape)
    return np.asarray(there + path.drift_angstrom * drift + shake)


def beam_centres(path: PathSettings, generator: np.random.Generator) -> Points:
    """Draw where the direct beam falls in every frame, y and x from pixel n // 2 [pixels].

    It follows the position of the scan to second order, as an imperfect descan makes it.
    """
    nominal = nominal_positions(path)
    x, y = (nominal / max(float(np.abs(nominal).max()), 1e-9)).T
    terms = np.stack([x, y, x * y, x**2, y**2], 1)
    weights = generator.normal(0, 1, (5, 2)) * np.array([1, 1, 0.4, 0.4, 0.4])[:, None]
    moved = terms @ weights
    moved -= moved.mean(0)
    furthest = float(np.hypot(*moved.T).max())
    smooth = moved * (path.wander_pixels / furthest if furthest else 0.0)
    jitter = generator.normal(0, path.centre_jitter_pixels, nominal.shape)
    return np.asarray(smooth + jitter + np.array(path.centre_offset_pixels))
