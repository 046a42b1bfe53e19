"""What the files of a scan and its image show: settings, frames, molecules."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.calibration.camera_length import camera_length_by_spots
from diffragan.acquisition.calibration.crystal_spots import spot_radii
from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.calibration.stored import (
    VERSION,
    read_calibration,
    write_calibration,
)
from diffragan.acquisition.frame_pass import frame_pass, read_electrons
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.hits.network import read_network
from diffragan.acquisition.measured_blocks import BlocksOnDisk
from diffragan.acquisition.overview.defocus import Defocus, estimate_defocus
from diffragan.acquisition.overview.picking import Picks, pick
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.electron import Electron
from diffragan.io.overview_image import OverviewImage, read_overview
from diffragan.io.provenance import fingerprint
from diffragan.io.scans.known import check_known, known_settings
from diffragan.io.scans.scan import Scan
from diffragan.progress import progress_bar, tell

SURELY_CRYSTAL = 0.8
MOST_CRYSTAL_FRAMES = 400
"""Whose spots are looked at: more say nothing new."""
COARSEST_SPACING_ANGSTROM = 5.0
"""Where spots of ice are sought from; its largest spacing is 3.9 Å."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The image, and what was found in it."""

    image: OverviewImage
    defocus: Defocus
    picks: Picks


def known(scan: Scan, settings: AcquisitionSettings) -> tuple[AcquisitionSettings, tuple[str, ...]]:
    """Join what was given and what the scan's file says; return its warnings, too.

    Raises
    ------
    InputError : Something that is needed is not known; all of it is named.
    """
    warnings = scan.info.warnings
    joined = known_settings(scan.info.found, settings.scan)
    check_known(scan.info.path, joined)
    if joined.shape is None and scan.info.shape is not None:
        joined = joined.model_copy(update={"shape": scan.info.shape})
    return settings.model_copy(update={"scan": joined}), warnings


def calibrated(
    settings: AcquisitionSettings, calibration: DetectorCalibration
) -> AcquisitionSettings:
    """Put what the calibration found in place of what was given."""
    scan = settings.scan.model_copy(
        update={
            "mrad_per_pixel": calibration.mrad_per_pixel,
            "camera_length_mm": None,
            "detector_pixel_um": None,
            "counts_per_electron": calibration.counts_per_electron,
            "offset_counts": calibration.offset_counts,
        }
    )
    return settings.model_copy(update={"scan": scan})


def look_at_image(path: Path, settings: AcquisitionSettings) -> Overview:
    """Read the overview image, and find its defocus and its molecules."""
    assert settings.scan.energy_kev is not None
    electron = Electron(settings.scan.energy_kev)
    image = read_overview(path, settings.overview)
    tell(f"overview image: {image.electrons.shape[0]} x {image.electrons.shape[1]} pixels")
    defocus = estimate_defocus(image, settings.overview, electron)
    picks = pick(image, defocus, settings.overview, electron)
    tell(
        f"defocus {defocus.defocus_angstrom:.0f} +- {defocus.standard_error_angstrom:.0f} Å; "
        f"{int(picks.sure.sum())} molecules found"
    )
    return Overview(image, defocus, picks)


def look_at_frames(
    scan: Scan, settings: AcquisitionSettings, folder: Path
) -> tuple[DetectorCalibration, FrameClasses, str]:
    """Calibrate, and look at every frame; blocks that an earlier run left are not made again."""
    frames = scan.available()
    info = scan.info
    run = fingerprint(
        {
            "scan": settings.scan.model_dump(mode="json"),
            "calibration": VERSION,
            "frames": frames,
            "frame_shape": list(info.frame_shape),
            "first": _hash(scan, 0),
            "last": _hash(scan, frames - 1),
        }
    )
    kept = BlocksOnDisk(folder, run)
    kept.check_room(frames)
    place = folder / f"calibration-{run[:12]}.npz"
    if place.is_file():
        calibration = read_calibration(place)
    else:
        calibration = calibrate(scan, settings.scan, shown=True)
        write_calibration(calibration, place)
    work = frame_pass(scan, settings.scan, calibration, read_network(), frames)
    with progress_bar(frames, "looking at frames") as bar:
        measured, sha256 = work.run(frames, kept, bar.advance)
    return calibration, work.classify(measured), sha256


def with_crystal_spots(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
) -> DetectorCalibration:
    """Measure the camera length anew by the spots of frames that show crystalline ice.

    It stays as it is where there are too few of them, or where rings say it better.
    """
    given = settings.scan.angle_per_pixel_mrad
    crystal = np.asarray(table.probability)[:, CLASSES.index("crystalline ice")]
    frames = np.flatnonzero(crystal > SURELY_CRYSTAL)
    if given is None or settings.scan.energy_kev is None or len(frames) == 0:
        return calibration
    if len(frames) > MOST_CRYSTAL_FRAMES:
        frames = frames[np.linspace(0, len(frames) - 1, MOST_CRYSTAL_FRAMES).astype(np.int64)]
    electron = Electron(settings.scan.energy_kev)
    inner = electron.frequency_per_angstrom(given) * COARSEST_SPACING_ANGSTROM
    good, matrix = calibration.good.cpu().numpy(), calibration.ellipse.matrix()
    radii = []
    for number in frames.tolist():
        values = read_electrons(scan, settings.scan, calibration, number)[0].numpy()
        radii.append(spot_radii(values, table.centre[number], good, matrix, 1 / inner))
    camera = camera_length_by_spots(radii, electron, given)
    before = calibration.camera
    if camera is None or (before is not None and before.error <= camera.error):
        return calibration
    return replace(calibration, camera=camera, mrad_per_pixel=camera.used_mrad_per_pixel)


def _hash(scan: Scan, number: int) -> str:
    return fingerprint(scan.read(number, number + 1).tobytes().hex())
