"""Laying a scan on its overview image by the map of scattered intensity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.overview.coarse import Coarse, find
from diffragan.acquisition.overview.fine import Fine, refine
from diffragan.acquisition.overview.frames import Points, scan_points
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.scattering_map import (
    ScatteringMap,
    ScatteringMaps,
    scattering_maps,
)
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError

LEAST_POSITIONS = 4
"""Along either side of a scan that can be laid on an image."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a scan lies on an image."""

    positions_angstrom: NDArray[np.float64]
    """`(scan_y, scan_x, 2)`, x and y of each position in the image's frame [Å]."""
    standard_error_angstrom: NDArray[np.float64]
    """`(scan_y, scan_x)` [Å]."""
    scan_to_image_deg: float
    rotation_error_deg: float
    scale: float
    """Of the scan's step, in ångström of the image."""
    scale_error: float
    shift_angstrom: Points
    """Where the middle of the scan lies, x and y [Å]."""
    drift_angstrom: float
    """Root mean square of the smooth drift [Å]."""
    molecules: int
    """How many molecules decided the places."""
    score: float
    """How far the correlation of both maps is above that at wrong rotations, 0 to 1."""
    correlation: float
    chance: float
    """Highest correlation at wrong rotations."""


def register(
    intensity: NDArray[np.floating],
    picks: Picks,
    settings: AcquisitionSettings,
    *,
    any_rotation: bool = False,
) -> Registration:
    """Find rotation, scale, shift and drift between a scan and its overview image.

    Rotation is sought within 5 degrees of `overview.scan_to_image_deg` and scale within 5 %, by
    correlation with the image's molecules or its thickness; then the positions are refined by
    both, see `refine`.

    Parameters
    ----------
    intensity : `(scan_y, scan_x)`, scattered intensity; unknown positions are not finite.
    picks : Of the image.
    settings : Step and beam of the scan, nominal rotation, lowest score.
    any_rotation : Search all rotations instead.

    Raises
    ------
    InputError : The image shows another place, or too little to tell.
    """
    values, step, diameter = _checked(intensity, settings)
    maps = scattering_maps(picks, diameter, step)
    nominal = settings.overview.scan_to_image_deg
    coarse = _best(values, step, diameter, maps, nominal, any_rotation)
    lowest = settings.hits.smallest_registration_score
    if coarse.score < lowest:
        raise InputError(_refusal(coarse, lowest, values, maps, settings, any_rotation))
    fine = refine(
        values,
        scan_points((values.shape[0], values.shape[1]), step),
        picks.centre_angstrom,
        coarse.rotation_deg,
        coarse.scale,
        coarse.shift_angstrom,
        diameter,
        maps.darkness,
    )
    return _registration(fine, coarse, (values.shape[0], values.shape[1]))


def _checked(
    intensity: NDArray[np.floating], settings: AcquisitionSettings
) -> tuple[NDArray[np.float64], float, float]:
    """Return the map without holes, the step and the beam's diameter [Å]."""
    step, diameter = settings.scan.step_angstrom, settings.scan.beam_diameter_angstrom
    if step is None or diameter is None:
        raise InputError(
            "a scan is laid on its image by its step and beam; give scan.step_angstrom and "
            "scan.beam_diameter_angstrom"
        )
    if intensity.ndim != 2 or min(intensity.shape) < LEAST_POSITIONS:
        raise InputError(
            f"a scan of shape {intensity.shape} cannot be laid on an image; {LEAST_POSITIONS} "
            "positions along y and x are the least, give scan.shape where the file has none"
        )
    values = np.asarray(intensity, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any() or float(np.ptp(values[known])) == 0:
        raise InputError(
            "the map of scattered intensity is the same everywhere, so that nothing tells where "
            "the scan lies on the image"
        )
    return np.where(known, values, np.median(values[known])), step, diameter


def _best(
    values: NDArray[np.float64], step: float, diameter: float, maps: ScatteringMaps,
    nominal_deg: float, any_rotation: bool,
) -> Coarse:  # fmt: skip
    """Search by molecules and by thickness, and take what is farther above chance."""
    found = [
        find(values, step, diameter, image, nominal_deg, any_rotation=any_rotation)
        for image in (maps.molecules, maps.thickness)
    ]
    return max(found, key=lambda coarse: coarse.score)


def _refusal(
    coarse: Coarse, lowest: float, values: NDArray[np.float64], maps: ScatteringMaps,
    settings: AcquisitionSettings, any_rotation: bool,
) -> str:  # fmt: skip
    """Word why a scan does not lie on an image, and which setting would change that."""
    _, step, diameter = _checked(values, settings)
    told = (
        f"the scan does not lie on the overview image: its registration score is "
        f"{coarse.score:.2f} (correlation {coarse.correlation:.2f}, by chance "
        f"{coarse.chance:.2f}) and hits.smallest_registration_score {lowest:g}"
    )
    other = _best(values, step, diameter, _turned_over(maps), 0.0, True)
    turned = coarse if any_rotation else _best(values, step, diameter, maps, 0.0, True)
    if max(other.score, turned.score) < lowest:
        return f"{told}; name the image of the scanned place"
    if turned.score >= other.score:
        return (
            f"{told}; with overview.scan_to_image_deg {turned.rotation_deg:.0f} it is "
            f"{turned.score:.2f}"
        )
    return (
        f"{told}; with overview.image_flipped_y turned over it is {other.score:.2f} at "
        f"scan_to_image_deg {other.rotation_deg:.0f}"
    )


def _turned_over(maps: ScatteringMaps) -> ScatteringMaps:
    molecules, thickness = (
        ScatteringMap(
            image.values[::-1], image.known[::-1], image.corner_angstrom, image.pixel_angstrom
        )
        for image in (maps.molecules, maps.thickness)
    )
    return ScatteringMaps(molecules, thickness, maps.darkness)


def _registration(fine: Fine, coarse: Coarse, shape: tuple[int, int]) -> Registration:
    matrix = fine.matrix
    # The rotation nearest to the linear part, which is scale R^-1.
    angle = np.arctan2(matrix[0, 1] - matrix[1, 0], matrix[0, 0] + matrix[1, 1])
    return Registration(
        fine.positions_angstrom.reshape(*shape, 2),
        fine.standard_error_angstrom.reshape(shape),
        float(np.rad2deg(angle)),
        fine.rotation_error_deg,
        float(np.sqrt(abs(np.linalg.det(matrix)))),
        fine.scale_error,
        fine.shift_angstrom,
        fine.drift_angstrom,
        fine.molecules,
        coarse.score,
        coarse.correlation,
        coarse.chance,
    )
