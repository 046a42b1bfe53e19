"""Draw orientations: uniform, or with an axis of the molecule that prefers to lie along the beam.

Molecules that lie on a preferred side are seen along directions d about one axis of their frame.
These follow a von Mises-Fisher distribution, of a density proportional to exp(kappa d . axis), and
the angle in the image plane is uniform.

Sources: Fisher, Proc. R. Soc. A 217 (1953) 295; Noble et al., eLife 7 (2018) e34257 and Tan et al.,
Nat. Methods 14 (2017) 793 (preferred orientations at air-water interfaces).
"""

import numpy as np
from numpy.typing import NDArray

from diffragan.config.specimen import OrientationSettings
from diffragan.rotations import (
    matrix_from_relion_angles,
    quaternion_from_matrix,
    uniform_quaternion,
)

Vector = NDArray[np.float64]


def draw_orientation(
    settings: OrientationSettings, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the unit quaternion x, y, z, w of one molecule; uniform on SO(3) without an axis."""
    if settings.preferred_axis is None or settings.spread_degrees is None:
        return uniform_quaternion(generator)
    if generator.uniform() >= settings.fraction:
        return uniform_quaternion(generator)
    axis = np.array(settings.preferred_axis)
    if settings.both_sides and generator.uniform() < 0.5:
        axis = -axis
    direction = draw_direction(axis, concentration(settings.spread_degrees), generator)
    return orientation_along(direction, float(generator.uniform(-180, 180)))


def concentration(spread_degrees: float) -> float:
    """Concentration kappa whose small-angle limit is a Gaussian of that width: 1 / spread^2."""
    return float(1 / np.deg2rad(spread_degrees) ** 2)


def draw_direction(axis: Vector, kappa: float, generator: np.random.Generator) -> Vector:
    """Draw a unit vector x, y, z about an axis from the von Mises-Fisher distribution.

    The cosine of the angle to the axis has an exact inverse distribution function on the sphere.

    Source: Ulrich, Appl. Stat. 33 (1984) 158; in this form, Jakob, "Numerically stable sampling of
    the von Mises-Fisher distribution on S2" (2012).
    """
    share, turn = generator.uniform(), 2 * np.pi * generator.uniform()
    # 1 - U lies in (0, 1], so that the logarithm is finite.
    below_one = -np.log((1 - share) + share * np.exp(-2 * kappa)) / kappa
    cosine = 1 - min(below_one, 2.0)
    sine = np.sqrt(max(1 - cosine**2, 0.0))
    along = axis / np.linalg.norm(axis)
    across = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    drawn: Vector = cosine * along + sine * (np.cos(turn) * across + np.sin(turn) * other)
    return drawn / np.linalg.norm(drawn)


def orientation_along(direction: Vector, in_plane_degrees: float) -> NDArray[np.float64]:
    """Quaternion x, y, z, w of the rotation that brings `direction` along the beam, +z.

    Parameters
    ----------
    direction : Unit vector in the molecule's frame.
    in_plane_degrees : Angle about the beam after that [degrees].
    """
    # The last row of an orientation matrix is the beam in the molecule's frame, and rot and tilt
    # are that row's polar angles.
    rot = np.rad2deg(np.arctan2(direction[1], direction[0]))
    tilt = np.rad2deg(np.arctan2(np.hypot(direction[0], direction[1]), direction[2]))
    return quaternion_from_matrix(
        matrix_from_relion_angles(np.array([rot, tilt, in_plane_degrees]))
    )
