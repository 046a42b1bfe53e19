"""A scan and its overview image, turned into observations of single molecules."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.agreement import agreed, evidence_of
from diffragan.acquisition.calibration.aligned import ring_sums
from diffragan.acquisition.calibration.background import thickness_scales
from diffragan.acquisition.calibration.calibrate import calibrate
from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration, electrons
from diffragan.acquisition.calibration.stored import read_calibration, write_calibration
from diffragan.acquisition.findings import Findings, write_findings
from diffragan.acquisition.frame_pass import frame_pass, read_upright
from diffragan.acquisition.handing_over import (
    Hit,
    Making,
    background_pattern,
    direct_beam_radius,
    experiment_of,
    is_whole,
    measured_by_all,
    observations,
)
from diffragan.acquisition.hits.choose import FEWEST_EXPECTED, choose_hits, hit_probability
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.hits.network import read_network
from diffragan.acquisition.hits.priors import adapt_priors
from diffragan.acquisition.measured_blocks import BlocksOnDisk
from diffragan.acquisition.overview.defocus import Defocus, estimate_defocus
from diffragan.acquisition.overview.frames import crop_of
from diffragan.acquisition.overview.matching import Matches, match
from diffragan.acquisition.overview.picking import Picks, pick
from diffragan.acquisition.overview.registration import Registration, register
from diffragan.acquisition.pattern_grid import pattern_grid, usual_centres
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.config.optics import LowResolutionSettings
from diffragan.electron import Electron
from diffragan.errors import InputError, NothingObservedError
from diffragan.io.files import output_folder
from diffragan.io.observations import KIND, observation_attributes, observation_specs
from diffragan.io.overview_image import OverviewImage, read_overview
from diffragan.io.provenance import fingerprint, provenance, sha256_of
from diffragan.io.scans.known import check_known, known_settings
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.scan import Scan
from diffragan.io.store_checks import check_store_target
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.progress import progress_bar, tell

NOT_WHOLE = "the image ends within its box"
ASTRAY = "its direct beam is far from where those of the others are"
NOISE_FRAMES = 16
LEAST_NOISE_ELECTRONS = 1e-3
"""Of a detector that does not count, whose values are not whole electrons."""
INTENSITY_CEILING = 0.99
"""Quantile at which the map of scattered intensity is cut off: crystals outshine molecules."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The image, and what was found in it."""

    image: OverviewImage
    defocus: Defocus
    picks: Picks


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a scan."""

    out: Path
    folder: Path
    """With the record, the table of frames, and the page."""
    findings: Findings
    observed: int
    """How many observations there are."""


def folder_beside(out: Path) -> Path:
    """Name the folder of what is found on the way to the observations `NAME.zarr`."""
    return out.with_name(f"{out.stem}-ingest")


def ingest(scan_path: Path, image_path: Path, out: Path, settings: AcquisitionSettings) -> Ingested:
    """Make observations of a scan and its image; goes on where an earlier run was stopped.

    Raises
    ------
    InputError, ConfigError : The scan or the image cannot be used, does not say all that is needed,
        or they show different places.
    NothingObservedError : No frame shows a molecule, which is written down.
    OutputError : The disk is too small, or something is in the way.
    """
    check_store_target(out, KIND)
    scan = open_scan(scan_path, settings.scan)
    settings, warnings = known(scan, settings)
    overview = look_at_image(image_path, settings)
    doubt = overview.defocus.warning
    warnings += (*overview.image.warnings, *(() if doubt is None else (doubt,)))
    folder = output_folder(folder_beside(out))
    calibration, table, sha256 = look_at_frames(scan, settings, folder)
    settings = calibrated(settings, calibration)
    warnings += calibration.warnings
    inputs = {scan_path.name: sha256, image_path.name: sha256_of(image_path)}
    findings = find_hits(scan, settings, calibration, table, overview, warnings)
    rejected: dict[int, str] = {}
    hits, making = chosen_hits(scan, findings, rejected)
    for line in findings.warnings:
        tell(f"warning: {line}")
    write_findings(folder, findings, rejected, inputs)
    if making is None:
        raise NothingObservedError(
            f"{scan_path}: {findings.why_none()}; no observations are made, and what was found is "
            f"in {folder}"
        )
    write_observations(making, hits, out, inputs)
    return Ingested(out, folder, findings, len(hits))


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
            "frames": frames,
            "frame_shape": list(info.frame_shape),
            "first": _hash(scan, 0),
            "last": _hash(scan, frames - 1),
        }
    )
    place = folder / f"calibration-{run[:12]}.npz"
    if place.is_file():
        calibration = read_calibration(place)
    else:
        calibration = calibrate(scan, settings.scan, shown=True)
        write_calibration(calibration, place)
    work = frame_pass(scan, settings.scan, calibration, read_network(), frames)
    with progress_bar(frames, "looking at frames") as bar:
        measured, sha256 = work.run(frames, BlocksOnDisk(folder, run), bar.advance)
    return calibration, work.classify(measured), sha256


def _hash(scan: Scan, number: int) -> str:
    return fingerprint(scan.read(number, number + 1).tobytes().hex())


def find_hits(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    table: FrameClasses,
    overview: Overview,
    warnings: tuple[str, ...],
) -> Findings:
    """Say what every frame shows, lay the scan on the image, and find each hit's molecule.

    Raises
    ------
    InputError : The image shows another place.
    """
    told = np.asarray(table.probability, np.float64)
    probability, priors = adapt_priors(told, read_network().priors)
    by_pattern = choose_hits(probability, settings.hits.precision)
    hits, one = by_pattern, hit_probability(probability)
    registration: Registration | None = None
    matches: Matches | None = None
    if one.sum() >= FEWEST_EXPECTED:
        shape = settings.scan.shape or (1, len(table))
        intensity = intensity_map(table, probability, shape)
        try:
            registration = register(intensity, overview.picks, settings)
        except InputError as error:
            if by_pattern.chosen.any():
                raise
            # Without a hit there may be nothing to lay on the image by.
            warnings = (*warnings, str(error))
    if registration is not None:
        diameter = settings.scan.beam_diameter_angstrom
        assert diameter is not None
        seen = evidence_of(registration, overview.picks, diameter)[: len(table)]
        one = agreed(one, seen)
        hits = choose_hits(one, settings.hits.precision)
        matches = match(np.flatnonzero(hits.chosen), registration, overview.picks, settings)
    return Findings(
        settings, scan.info, calibration, table, probability, priors, one, hits, by_pattern,
        overview.image, overview.defocus, overview.picks, registration, matches, warnings,
    )  # fmt: skip


def intensity_map(
    table: FrameClasses, probability: NDArray[np.floating[Any]], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Arrange what tells of molecules as the scan is: their phase shift in each frame.

    Frames of crystals, carbon and saturated ones tell nothing of molecules, and are not known.
    """
    told = [CLASSES.index(name) for name in ("empty", "ice", "protein", "several", "damaged")]
    values = np.where(
        np.isin(probability.argmax(1), told), table.phase_rad_angstrom2, np.nan
    ).astype(np.float64)
    whole = np.full(shape[0] * shape[1], np.nan)
    whole[: len(values)] = values[: len(whole)]
    ceiling = np.nanquantile(whole, INTENSITY_CEILING)
    return np.asarray(np.minimum(whole, ceiling).reshape(shape))


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
    for row, centre in zip(rows.tolist(), centres, strict=True):
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
        scale = _background_scale(scan, settings, calibration, number, centre)
        hits.append(Hit(number, centre, crop, scale, places))
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
        counts = read_upright(scan, findings.settings.scan, number, number + 1)
        values = electrons(torch.from_numpy(counts.astype(np.float32)), calibration)[0]
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


def _background_scale(
    scan: Scan,
    settings: AcquisitionSettings,
    calibration: DetectorCalibration,
    number: int,
    centre: NDArray[np.float64],
) -> float:
    """How much of the usual background one frame has."""
    counts = read_upright(scan, settings.scan, number, number + 1)
    values = electrons(torch.from_numpy(counts.astype(np.float32)), calibration)
    rings = len(calibration.background.profile)
    sums, pixels = ring_sums(
        values, torch.from_numpy(centre[None]).float(), calibration.good, rings
    )
    scale, _ = thickness_scales(sums, pixels, calibration.background)
    return float(scale[0])


def write_observations(
    making: Making, hits: list[Hit], out: Path, inputs: Mapping[str, str]
) -> None:
    """Write the store of observations, and verify nothing twice that an interrupted run wrote."""
    settings = making.settings
    measured = measured_by_all(making, hits)
    attributes = observation_attributes(
        making.experiment,
        settings.observations.name,
        settings.observations.mass_kda,
        provenance("ingest", settings.model_dump(mode="json"), settings.seed, inputs),
        making.incident_electrons,
    )
    specs = observation_specs(making.experiment, len(hits), with_background=True)
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({"measured": measured, "background": background_pattern(making)})
        with progress_bar(len(hits), "observations", done=len(writer.done)) as bar:
            left = [n for n in range(len(hits)) if n not in writer.done]
            for place, (_, arrays) in zip(
                left, observations(making, measured, [hits[n] for n in left]), strict=True
            ):
                write_item(writer.partial, place, arrays)
                writer.mark(place)
                bar.advance()
        writer.finish()
