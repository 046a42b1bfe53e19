"""Where a scan lies on an image: rotation, scale and shift by correlation of two maps."""

from dataclasses import dataclass
from math import ceil, hypot
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from diffragan.acquisition.overview.correlation import masked_correlation, reference
from diffragan.acquisition.overview.frames import Points, turn
from diffragan.acquisition.overview.scattering_map import ScatteringMap, flattened

Map = NDArray[np.float64]

ROTATION_DEG, ROTATION_STEP_DEG = 5.0, 1.0
SCALE, SCALE_STEP = 0.05, 0.025
WHOLE_TURN_STEP_DEG = 2.0
NULL_ROTATIONS = 24
"""Wrong rotations, evenly spread, whose best correlations show what chance makes."""
OWN_DEG = 12.0
"""Rotations nearer than that to the best one are no wrong ones."""
LEAST_SHARE = 0.5
"""Of the scan, that must lie on the image."""


@dataclass(frozen=True, slots=True)
class Coarse:
    """The best correlation of all rotations, scales and shifts."""

    correlation: float
    chance: float
    """Highest correlation at wrong rotations."""
    rotation_deg: float
    scale: float
    shift_angstrom: Points
    """Where the middle of the scan lies in the image, x and y [Å]."""

    @property
    def score(self) -> float:
        """How far the correlation is above chance, between 0 and 1."""
        return max(0.0, (self.correlation - self.chance) / max(1 - self.chance, 1e-9))


class _Place(NamedTuple):
    correlation: float
    rotation_deg: float
    scale: float
    corner: tuple[int, int]


def find(
    intensity: Map,
    step_angstrom: float,
    beam_diameter_angstrom: float,
    image: ScatteringMap,
    nominal_deg: float,
    *,
    any_rotation: bool = False,
) -> Coarse:
    """Find a scan on an image.

    Parameters
    ----------
    intensity : `(scan_y, scan_x)`, scattered intensity.
    step_angstrom : Between neighbouring positions [Å].
    beam_diameter_angstrom : Of the illuminated disc [Å].
    image : What the beam would scatter.
    nominal_deg : `scan_to_image_deg`, true to `ROTATION_DEG`.
    any_rotation : Search all rotations instead.
    """
    flat = flattened(intensity, beam_diameter_angstrom / step_angstrom)
    diagonal = hypot(*intensity.shape) * step_angstrom * (1 + 2 * SCALE)
    side = 2 * ceil(diagonal / image.pixel_angstrom / 2) + 1
    ready = reference(image.values, image.known, side)

    def tried(rotation: float, scale: float) -> _Place:
        piece, inside = _turned(flat, step_angstrom * scale, rotation, image.pixel_angstrom, side)
        value, corner = masked_correlation(ready, piece, inside, LEAST_SHARE)
        return _Place(value, rotation, scale, corner)

    if any_rotation:
        turns = np.arange(0.0, 360.0, WHOLE_TURN_STEP_DEG)
        nominal_deg = max(tried(float(turned), 1.0) for turned in turns).rotation_deg
    turns = nominal_deg + np.arange(-ROTATION_DEG, ROTATION_DEG + 1e-6, ROTATION_STEP_DEG)
    scales = 1 + np.arange(-SCALE, SCALE + 1e-6, SCALE_STEP)
    best = max(tried(float(turned), float(scale)) for turned in turns for scale in scales)
    best = max(
        tried(best.rotation_deg + turned * ROTATION_STEP_DEG, best.scale + scale * SCALE_STEP)
        for turned in (-0.5, 0.0, 0.5)
        for scale in (-0.5, 0.0, 0.5)
    )
    wrong = best.rotation_deg + np.linspace(OWN_DEG, 360 - OWN_DEG, NULL_ROTATIONS)
    chance = max(tried(float(turned), best.scale).correlation for turned in wrong)
    # The middle of a pixel is half a pixel from its corner.
    middle = np.array(best.corner[::-1]) + side // 2 + 0.5
    return Coarse(
        best.correlation,
        chance,
        best.rotation_deg,
        best.scale,
        image.corner_angstrom + middle * image.pixel_angstrom,
    )


def _turned(
    values: Map, step: float, rotation_deg: float, pixel: float, side: int
) -> tuple[Map, NDArray[np.bool_]]:
    """Lay a scan's map on a square grid of the image's frame, its middle in the middle."""
    axis = (np.arange(side) - side // 2) * pixel
    # A vector of the image p = R^-1 v is v = R p in the scan's frame.
    there = np.stack(np.meshgrid(axis, axis), axis=-1) @ turn(rotation_deg).T / step
    height, width = values.shape
    rows, columns = there[..., 1] + (height - 1) / 2, there[..., 0] + (width - 1) / 2
    inside = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
    return scipy.ndimage.map_coordinates(values, [rows, columns], order=1, mode="nearest"), inside
