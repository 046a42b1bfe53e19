"""A folder with all that Dragonfly needs: counts, detector, first intensity, configuration."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.dragonfly import Written, write_photons
from diffragan.io.dragonfly_hdf5 import GOOD, EmcDetector, model_voxels, write_detector, write_model
from diffragan.io.files import output_folder, write_text
from diffragan.io.store_checks import check_room
from diffragan.progress import progress_bar, tell
from diffragan.reconstruction.dragonfly.cube import cube_of_half
from diffragan.reconstruction.dragonfly.settings import DragonflySettings
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.typing import Float, Tensor

PHOTONS, DETECTOR, START, CONFIG = "photons.emc", "detector.h5", "start.h5", "config.ini"
RESULTS, LOG = "iterations", "EMC.log"
"""Dragonfly's own: a file for each iteration, and a table of them."""
LARGEST_SHARE = 2.0
"""The first intensity is uniform from 0 to twice the mean."""
LEAST_SHARE = 1e-3
BYTES_PER_COUNT = 8  # of a place and a count, though most counts are ones
BYTES_PER_VOXEL = 8


def write_folder(
    patterns: PatternSet, box_angstrom: float, settings: DragonflySettings, folder: Path
) -> Written:
    """Write everything for `dragonfly.emc`, the configuration last.

    Parameters
    ----------
    patterns : Counts; those in use are written in their order.
    box_angstrom : A voxel of the merged intensity is 1 / box wide [Å].

    Raises
    ------
    InputError : The patterns are not counted, or empty.
    OutputError : The folder cannot be written to, or the disk is too small.
    """
    if not patterns.counted:
        raise InputError(
            f"{patterns.name}: its patterns are exact fractions of the beam, and Dragonfly takes "
            "counts; simulate them with an exposure"
        )
    if patterns.background is not None:
        tell(f"{patterns.name}: their background goes to Dragonfly with the counts, and is merged")
    detector = emc_detector(patterns, box_angstrom)
    voxels = model_voxels(detector.points_voxels)
    check_room(folder, needed_bytes(patterns, voxels, settings))
    output_folder(folder)
    with progress_bar(len(patterns), "patterns for Dragonfly") as bar:

        def frames() -> Iterator[NDArray[np.float32]]:
            for batch in patterns.batches():
                for values in batch.values:
                    yield values.numpy()
                    bar.advance()

        written = write_photons(folder / PHOTONS, frames(), len(patterns.pixels.points))
    if written.counts == 0:
        raise InputError(f"{patterns.name}: its patterns hold no count at all")
    write_detector(folder / DETECTOR, detector)
    mean = written.counts / written.frames / len(detector.points_voxels)
    drawn = np.random.default_rng(settings.seed).uniform(size=(voxels,) * 3)
    write_model(folder / START, LARGEST_SHARE * mean * drawn)
    write_text(folder / CONFIG, _configuration(settings))
    return written


def write_start(
    intensity: Float[Tensor, "z y half_x"], patterns: PatternSet, grid: Grid, folder: Path
) -> None:
    """Replace the random first intensity by another.

    Parameters
    ----------
    intensity : On a grid of the same box [V2 Å6]; samples without any get a little of the mean, as
        no rate may vanish.
    """
    voxels = model_voxels(emc_detector(patterns, grid.box_angstrom).points_voxels)
    unit = float(patterns.expected[list(patterns.kept)].mean())
    rates = cube_of_half(intensity.double() * unit, grid, voxels)
    rates = rates.clamp(min=LEAST_SHARE * float(rates.mean()))
    write_model(folder / START, rates.numpy())


def emc_detector(patterns: PatternSet, box_angstrom: float) -> EmcDetector:
    """Pixels of patterns as Dragonfly has them, in voxels of 1 / box.

    Only measured pixels are listed, so all are good; each is as wide as any other in q, which needs
    no correction for its solid angle, and electrons at these angles none for polarisation.
    """
    points = patterns.pixels.points.double().numpy() * box_angstrom
    wavelength = patterns.experiment.electron.wavelength_angstrom
    return EmcDetector(
        points,
        np.ones(len(points)),
        np.full(len(points), GOOD, np.uint8),
        patterns.experiment.box_angstrom / wavelength,
        box_angstrom / wavelength,
    )


def needed_bytes(patterns: PatternSet, voxels: int, settings: DragonflySettings) -> int:
    """Room on the disk for the counts and for every iteration's model and weights."""
    pixels = len(patterns) * len(patterns.pixels.points)
    models = (2 * settings.iterations + 2) * BYTES_PER_VOXEL * voxels**3
    return models + BYTES_PER_COUNT * pixels


def tell_needs(patterns: PatternSet, box_angstrom: float, settings: DragonflySettings) -> None:
    """Say what Dragonfly will take."""
    voxels = model_voxels(emc_detector(patterns, box_angstrom).points_voxels)
    memory = (3 + 2 * settings.threads) * BYTES_PER_VOXEL * voxels**3
    disk = needed_bytes(patterns, voxels, settings)
    tell(
        f"Dragonfly: {len(patterns):,} patterns on {settings.orientations:,} orientations, about "
        f"{np.rad2deg(settings.step_rad):.1f} degrees apart, into {voxels}^3 voxels; takes about "
        f"{max(memory, 10**8) / 1e9:.2g} GB of memory and up to {disk / 1e9:.2g} GB on the disk"
    )


def _configuration(settings: DragonflySettings) -> str:
    """Write the `[emc]` part; files are named relative to the folder."""
    values = {
        "in_photons_file": PHOTONS,
        "in_detector_file": DETECTOR,
        "start_model_file": START,
        "output_folder": RESULTS,
        "log_file": LOG,
        "num_div": settings.divisions,
        "need_scaling": int(settings.scaled),
        "beta_schedule": f"{settings.beta_growth:g} {settings.beta_period}",
    }
    lines = [f"{name} = {value}" for name, value in values.items()]
    return "\n".join(["[emc]", *lines, ""])
