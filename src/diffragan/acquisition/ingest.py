"""A scan and its overview image, turned into observations of single molecules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from diffragan.acquisition.choosing import chosen_hits
from diffragan.acquisition.empty_frames import EmptyFrames
from diffragan.acquisition.finding import find_hits
from diffragan.acquisition.findings import Findings, write_findings
from diffragan.acquisition.handing_over import (
    Hit,
    Making,
    background_pattern,
    frame_of,
    measured_by_all,
    observed,
)
from diffragan.acquisition.looking import (
    calibrated,
    known,
    look_at_frames,
    look_at_image,
    with_crystal_spots,
)
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.errors import NothingObservedError
from diffragan.in_order import in_order, thread_count
from diffragan.io.files import output_folder
from diffragan.io.observations import KIND, observation_attributes, observation_specs
from diffragan.io.provenance import provenance, sha256_of
from diffragan.io.scans.open import open_scan
from diffragan.io.scans.scan import Frames
from diffragan.io.store_checks import check_store_target
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.progress import progress_bar, tell
from diffragan.threads import one_thread_of_all


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
    with one_thread_of_all():
        return _ingested(scan_path, image_path, out, settings)


def _ingested(
    scan_path: Path, image_path: Path, out: Path, settings: AcquisitionSettings
) -> Ingested:
    scan = open_scan(scan_path, settings.scan)
    settings, warnings = known(scan, settings)
    overview = look_at_image(image_path, settings)
    doubt = overview.defocus.warning
    warnings += (*overview.image.warnings, *(() if doubt is None else (doubt,)))
    folder = output_folder(folder_beside(out))
    calibration, table, sha256 = look_at_frames(scan, settings, folder)
    calibration = with_crystal_spots(scan, settings, calibration, table)
    empty = EmptyFrames(scan, settings.scan, calibration, table)
    calibration = replace(calibration, background=empty.background())
    settings = calibrated(settings, calibration)
    contradiction = None if calibration.camera is None else calibration.camera.warning
    warnings += (*calibration.warnings, *(() if contradiction is None else (contradiction,)))
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
        left = [place for place in range(len(hits)) if place not in writer.done]
        frames = ((place, hits[place], frame_of(making, hits[place])) for place in left)

        def make(read: tuple[int, Hit, Frames]) -> int:
            place, hit, frame = read
            write_item(writer.partial, place, observed(making, measured, hit, frame))
            return place

        with progress_bar(len(hits), "observations", done=len(writer.done)) as bar:
            for place in in_order(make, frames, thread_count(None)):
                writer.mark(place)
                bar.advance()
        writer.finish()
