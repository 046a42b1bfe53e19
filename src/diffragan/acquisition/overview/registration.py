"""Laying a scan on its overview image by the map of scattered intensity."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.overview.coarse import Coarse, find
from diffragan.acquisition.overview.fine import Fine, refine
from diffragan.acquisition.overview.frames import Points, scan_points
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.scattering_map import ScatteringMap, scattering_map
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import InputError

LEAST_MOLECULES = 3
"""Fewer decide no rotation, scale and shift."""
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
    correlation; then the positions are refined by every molecule, see `refine`.

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
    image = scattering_map(picks, diameter, step)
    nominal = settings.overview.scan_to_image_deg
    coarse = find(values, step, diameter, image, nominal, any_rotation=any_rotation)
    lowest = settings.hits.smallest_registration_score
    if coarse.score < lowest:
        raise InputError(_refusal(coarse, lowest, values, image, settings, any_rotation))
    if len(picks) < LEAST_MOLECULES:
        raise InputError(
            f"the overview image shows {len(picks)} molecules and {LEAST_MOLECULES} are needed to "
            "lay the scan on it; take an image of more dose or defocus"
        )
    fine = refine(
        values,
        scan_points((values.shape[0], values.shape[1]), step),
        picks.centre_angstrom,
        coarse.rotation_deg,
        coarse.scale,
        coarse.shift_angstrom,
        diameter,
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


def _refusal(
    coarse: Coarse, lowest: float, values: NDArray[np.float64], image: ScatteringMap,
    settings: AcquisitionSettings, any_rotation: bool,
) -> str:  # fmt: skip
    """Word why a scan does not lie on an image, and which setting would change that."""
    _, step, diameter = _checked(values, settings)
    told = (
        f"the scan does not lie on the overview image: its registration score is "
        f"{coarse.score:.2f} (correlation {coarse.correlation:.2f}, by chance "
        f"{coarse.chance:.2f}) and hits.smallest_registration_score {lowest:g}"
    )
    flipped = ScatteringMap(
        image.values[::-1], image.known[::-1], image.corner_angstrom, image.pixel_angstrom
    )
    other = find(values, step, diameter, flipped, 0.0, any_rotation=True)
    if other.score >= lowest:
        return (
            f"{told}; with overview.image_flipped_y turned over it is {other.score:.2f} at "
            f"scan_to_image_deg {other.rotation_deg:.0f}"
        )
    if not any_rotation:
        turned = find(values, step, diameter, image, 0.0, any_rotation=True)
        if turned.score >= lowest:
            return (
                f"{told}; with overview.scan_to_image_deg {turned.rotation_deg:.0f} it is "
                f"{turned.score:.2f}"
            )
    return f"{told}; name the image of the scanned place"


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
