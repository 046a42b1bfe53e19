"""Observations as phasing takes them, of frames that each hit one molecule."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration, electrons
from diffragan.acquisition.frame_pass import read_upright
from diffragan.acquisition.overview.frames import Crop
from diffragan.acquisition.pattern_grid import PatternGrid
from diffragan.acquisition.resampling import resampled_counts
from diffragan.acquisition.spreading import (
    Move,
    Points,
    pixels_inside,
    pixels_reached,
    spread_counts,
    spread_values,
)
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.config.detector import DetectorSettings
from diffragan.config.experiment import DiffractionSettings, Experiment
from diffragan.config.numerics import fast_even
from diffragan.config.optics import LowResolutionSettings
from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.overview_image import OverviewImage
from diffragan.io.scans.scan import Frames, Scan
from diffragan.typing import Float, Tensor

PRESET = "measured"
STEEPEST_POWER = 3.0
"""The diffraction of a sharp rim falls off with this power of the angle, a soft one's faster, and
what ice and losses scatter slower."""
FIRST_ZERO = 1.22
"""Of the diffraction of a disc, in units of one over its diameter."""
WHOLE = 1e-3
"""Electrons that differ from whole ones by more were not counted."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One frame that shows one molecule."""

    frame: int
    centre: NDArray[np.float64]
    """Row and column of its direct beam."""
    crop: Crop
    """Where the molecule is in the image."""
    background_scale: float
    """How much of the usual background it has."""
    places: Mapping[str, Any]
    """What the store keeps of it besides: molecule, positions, probability."""


@dataclass(frozen=True, slots=True)
class Making:
    """All that observations of one scan are made from."""

    scan: Scan
    settings: AcquisitionSettings
    """As they are known: what the scan's file says is in them."""
    calibration: DetectorCalibration
    grid: PatternGrid
    image: OverviewImage
    experiment: Experiment
    direct_beam_pixels: float
    """Radius of the direct beam [pixels of the grid]."""

    @property
    def incident_electrons(self) -> float:
        """Electrons that fall on the box during one frame."""
        exposure = self.experiment.detector.exposure_e_per_a2
        assert exposure is not None
        return exposure * self.experiment.box_angstrom**2


def experiment_of(
    settings: AcquisitionSettings,
    grid: PatternGrid,
    optics: LowResolutionSettings,
    direct_beam_pixels: float,
    read_noise_electrons: float,
) -> Experiment:
    """Describe the measurement as a simulation of it would be described.

    A molecule in the flat part of the beam sees a plane wave over its box.
    """
    energy = settings.scan.energy_kev
    assert energy is not None
    box = grid.box_angstrom
    electron = Experiment(energy_kev=energy).electron
    # A quarter of a pixel more, so that rounding keeps the last one.
    angle = electron.angle_mrad((grid.half + 0.25) / box)
    side = fast_even(grid.pixels + 1)
    return Experiment(
        preset=PRESET,
        energy_kev=energy,
        box_angstrom=box,
        diffraction=DiffractionSettings(
            max_angle_mrad=angle, direct_beam_pixels=direct_beam_pixels
        ),
        detector=DetectorSettings(
            exposure_e_per_a2=settings.scan.exposure_e_per_a2,
            read_noise_electrons=read_noise_electrons,
            point_spread_pixels=grid.spread_pixels(settings.scan.point_spread_pixels),
        ),
        low_resolution=optics,
        wave_pixels=side,
        image_pixels=side,
    )


def direct_beam_radius(
    profile: Float[Tensor, " ring"], beam_diameter_angstrom: float, frequency_per_pixel: float
) -> float:
    """Radius within which the direct beam outshines all else [pixels of the detector].

    Parameters
    ----------
    profile : What rings one pixel wide count in frames without a molecule.

    Source of the powers: Born and Wolf, Principles of Optics, sec. 8.5.2 (a circular aperture).
    """
    values = profile.double().numpy()
    disc = FIRST_ZERO / (beam_diameter_angstrom * frequency_per_pixel)
    radius = max(1, ceil(disc))
    while radius + 1 < len(values) and values[radius + 1] > 0:
        steepest = ((radius + 1) / radius) ** STEEPEST_POWER
        if values[radius] <= steepest * values[radius + 1]:
            break
        radius += 1
    return float(radius)


def measured_by_all(making: Making, hits: list[Hit]) -> NDArray[np.bool_]:
    """Tell which pixels of the grid every pattern measures, `(q_y, q_x)`.

    Raises
    ------
    InputError : None is left.
    """
    grid, shape = making.grid, (making.grid.pixels, making.grid.pixels)
    good = making.calibration.good.cpu().numpy()
    measured = grid.radius() / grid.binning > making.direct_beam_pixels - 1e-9
    for hit in hits:
        measured &= pixels_inside(grid.back(hit.centre), shape, good.shape)
        measured &= ~pixels_reached(~good, grid.move(hit.centre), shape)
    if not measured.any():
        raise InputError(
            "no pixel is measured in all patterns; the direct beam wanders too far over bad pixels"
        )
    return measured


def background_pattern(making: Making) -> NDArray[np.float32]:
    """Return the counts of a frame without a molecule, `(q_y, q_x)` on the grid."""
    profile = making.calibration.background.profile.double().numpy()
    rings = np.arange(len(profile))
    each = np.interp(making.grid.radius(), rings, profile)
    return np.asarray(each * making.grid.binning**2, np.float32)


def frame_of(making: Making, hit: Hit) -> Frames:
    """Read the frame of a hit, `(1, q_y, q_x)`.

    Raises
    ------
    InputError : It cannot be read.
    """
    return read_upright(making.scan, making.settings.scan, hit.frame, hit.frame + 1)


def observed(
    making: Making, measured: NDArray[np.bool_], hit: Hit, frame: Frames
) -> Mapping[str, NDArray[Any] | float]:
    """Make one observation of its frame: a pattern and the molecule's piece of the image."""
    seed = making.settings.seed
    pattern_draws, image_draws = (
        np.random.default_rng([seed, hit.frame, which]) for which in (0, 1)
    )
    values = electrons(torch.from_numpy(frame.astype(np.float32)), making.calibration)[0]
    values[~making.calibration.good] = 0
    grid, shape = making.grid, (making.grid.pixels, making.grid.pixels)
    move = grid.move(hit.centre)
    plain = values.numpy()
    pattern: NDArray[Any]
    if making.experiment.detector.read_noise_electrons:
        pattern = spread_values(plain, move, shape)
    else:
        inner = np.linalg.norm(np.indices(plain.shape).transpose(1, 2, 0) - hit.centre, axis=-1)
        # The direct beam is not kept; its electrons are many, and need not be moved.
        plain[inner < making.direct_beam_pixels * grid.binning - 2] = 0
        pattern = spread_counts(np.rint(plain).astype(np.int64), move, shape, pattern_draws)
    pattern[~measured] = 0
    return {
        "diffraction": pattern,
        "low_resolution": image_counts(making.image, hit.crop, making.experiment, image_draws),
        "low_resolution_dose": making.image.dose_e_per_a2,
        "structure": 0,
        "frame": hit.frame,
        "beam_centre": hit.centre,
        "background_scale": hit.background_scale,
        **hit.places,
    }


def is_whole(crop: Crop, image_shape: tuple[int, int], box_angstrom: float) -> bool:
    """Tell whether an image holds all of a box around a molecule."""
    half = box_angstrom / 2
    corners = np.array([[-half, -half], [half, -half], [-half, half], [half, half]])
    places = crop.to_pixels(corners)
    last = np.array(image_shape[::-1]) - 0.5
    return bool(((places >= -0.5) & (places <= last)).all())


def image_counts(
    image: OverviewImage, crop: Crop, experiment: Experiment, generator: np.random.Generator
) -> NDArray[np.uint32]:
    """Electrons of the piece of an image around a molecule, in the detector's frame.

    Parameters
    ----------
    crop : Where it is.
    experiment : Says on which grid.
    generator : Places electrons in their pixels, and rounds what was not counted.
    """
    grid = experiment.image_grid
    half = grid.box_angstrom / 2**0.5 + image.pixel_angstrom
    column, row = crop.centre_pixels
    reach = half / image.pixel_angstrom + 1
    rows, columns = (
        slice(max(0, int(place - reach)), int(place + reach) + 2) for place in (row, column)
    )
    part = image.electrons[rows, columns].astype(np.float64)
    start = np.array([rows.start, columns.start], dtype=np.float64)
    shape = (grid.pixels, grid.pixels)
    if grid.pixel_angstrom < image.pixel_angstrom:
        places, matrix = _image_places(crop, grid, start)
        return resampled_counts(part, places, matrix, generator)
    if np.abs(part - np.rint(part)).max() < WHOLE:
        counts = np.rint(part)
    else:
        # Images that were corrected by a gain are no whole numbers; rounding keeps their mean.
        counts = np.floor(part + generator.random(part.shape))
    move = _image_move(crop, grid, start)
    return spread_counts(counts.clip(min=0).astype(np.int64), move, shape, generator)


def _image_places(crop: Crop, grid: Grid, start: NDArray[np.float64]) -> tuple[Points, Points]:
    """Rows and columns of a part of the image at the pixels of a grid, and for a step of one."""
    axis = (np.arange(grid.pixels) - grid.pixels // 2) * grid.pixel_angstrom
    y, x = np.meshgrid(axis, axis, indexing="ij")
    pixels = crop.to_pixels(np.stack([x.ravel(), y.ravel()], axis=-1))
    places = pixels[:, ::-1].reshape(grid.pixels, grid.pixels, 2) - start
    return places, crop.matrix[::-1, ::-1] * grid.pixel_angstrom


def _image_move(crop: Crop, grid: Grid, start: NDArray[np.float64]) -> Move:
    def move(places: Points) -> Points:
        points = crop.to_detector((places + start)[:, ::-1])
        return np.asarray(points[:, ::-1] / grid.pixel_angstrom + grid.pixels // 2)

    return move
