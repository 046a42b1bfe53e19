"""Which hits are handed over, and all that their observations are made from."""

import numpy as np

from diffragan.acquisition.empty_frames import EmptyFrames
from diffragan.acquisition.findings import Findings
from diffragan.acquisition.frame_pass import read_electrons
from diffragan.acquisition.handing_over import (
    Hit,
    Making,
    direct_beam_radius,
    experiment_of,
    is_whole,
)
from diffragan.acquisition.overview.frames import crop_of
from diffragan.acquisition.overview.registration import Registration
from diffragan.acquisition.pattern_grid import pattern_grid, usual_centres
from diffragan.config.optics import LowResolutionSettings
from diffragan.electron import Electron
from diffragan.io.scans.scan import Scan

NOT_WHOLE = "the image ends within its box"
ASTRAY = "its direct beam is far from where those of the others are"
NOISE_FRAMES = 16
LEAST_NOISE_ELECTRONS = 1e-3
"""Of a detector that does not count, whose values are not whole electrons."""


def chosen_hits(
    scan: Scan, findings: Findings, rejected: dict[int, str]
) -> tuple[list[Hit], Making | None]:
    """Choose the frames to hand over, and say in `rejected` of the others why not."""
    settings, calibration, image = findings.settings, findings.calibration, findings.image
    matches, registration = findings.matches, findings.registration
    if matches is None or registration is None or not matches.kept.any():
        return [], None
    energy, mrad = settings.scan.energy_kev, calibration.mrad_per_pixel
    assert energy is not None
    assert mrad is not None
    electron = Electron(energy)
    rows = np.flatnonzero(matches.kept)
    centres = findings.table.centre[matches.frame[rows]]
    usual = usual_centres(centres)
    rejected.update(dict.fromkeys(matches.frame[rows[~usual]].tolist(), ASTRAY))
    rows, centres = rows[usual], centres[usual]
    grid = pattern_grid(
        centres, calibration.frame_shape, mrad, electron, calibration.ellipse,
        settings.observations,
    )  # fmt: skip
    frame = findings.picks.frame
    hits = []
    empty = EmptyFrames(scan, settings.scan, calibration, findings.table)
    scales = empty.scales_about(matches.frame[rows])
    for row, centre, scale in zip(rows.tolist(), centres, scales, strict=True):
        number = int(matches.frame[row])
        crop = crop_of(
            matches.position_angstrom[row], frame, registration.scan_to_image_deg, settings
        )
        if not is_whole(crop, frame.shape, grid.box_angstrom):
            rejected[number] = NOT_WHOLE
            continue
        places = {
            "scan_position": np.array(divmod(number, findings.shape[1])),
            "molecule": int(matches.molecule[row]),
            "image_position": matches.position_angstrom[row],
            "beam_offset": matches.offset_angstrom[row],
            "hit_probability": float(findings.hit_probability[number]),
        }
        hits.append(Hit(number, centre, crop, float(scale), places))
    if not hits:
        return [], None
    diameter = settings.scan.beam_diameter_angstrom
    assert diameter is not None
    radius = (
        direct_beam_radius(
            calibration.background.profile, diameter, electron.frequency_per_angstrom(mrad)
        )
        / grid.binning
    )
    optics = optics_of(findings, registration)
    noise = read_noise_electrons(scan, findings, [hit.frame for hit in hits[:NOISE_FRAMES]])
    experiment = experiment_of(settings, grid, optics, radius, noise)
    return hits, Making(scan, settings, calibration, grid, image, experiment, radius)


def read_noise_electrons(scan: Scan, findings: Findings, frames: list[int]) -> float:
    """Measure the noise of reading a pixel [electrons]; 0 for a detector that counts.

    Only noise makes values negative, and it makes as many of them as positive ones.
    """
    calibration = findings.calibration
    if calibration.counts_per_electron == 1 and calibration.offset_counts == 0:
        return 0.0
    squares, count = 0.0, 0
    for number in frames:
        values = read_electrons(scan, findings.settings.scan, calibration, number)[0]
        below = values[calibration.good & (values < 0)].double()
        squares, count = squares + float(below.square().sum()), count + len(below)
    return max(float(np.sqrt(squares / max(count, 1))), LEAST_NOISE_ELECTRONS)


def optics_of(findings: Findings, registration: Registration) -> LowResolutionSettings:
    """Return the lens of the image as pieces that are turned into the detector's frame have it."""
    found = findings.defocus.optics(findings.settings.overview)
    crop = crop_of(
        np.zeros(2), findings.picks.frame, registration.scan_to_image_deg, findings.settings
    )
    angle = np.deg2rad(found.astigmatism_angle_deg)
    x, y = np.linalg.inv(crop.matrix) @ np.array([np.cos(angle), np.sin(angle)])
    turned = {
        "astigmatism_angle_deg": float(np.rad2deg(np.arctan2(y, x))),
        "dose_e_per_a2": findings.image.dose_e_per_a2,
    }
    return LowResolutionSettings(**{**found.model_dump(), **turned})
