"""What was found of a scan and its image, as a record and a table that people and pages read."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.calibration.detector_calibration import DetectorCalibration
from diffragan.acquisition.hits.choose import Hits
from diffragan.acquisition.hits.classes import CLASSES
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.overview.defocus import Defocus
from diffragan.acquisition.overview.matching import Matches
from diffragan.acquisition.overview.picking import NOTHING, Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.config.acquisition import AcquisitionSettings
from diffragan.io.files import write_json, write_text
from diffragan.io.overview_image import OverviewImage
from diffragan.io.provenance import provenance
from diffragan.io.scans.scan import ScanInfo

RECORD, FRAMES, MOLECULES = "ingest.json", "frames.csv", "molecules.csv"
SCHEMA_VERSION = 2
KEPT = "kept"
NO_HIT = ""
NOT_ON_IMAGE = "the scan does not lie on the image"
FRAME_COLUMNS = (
    *("frame", "row", "column", "class", "class_probability", "hit_probability", "fate"),
    *("molecule", "scattered_fraction", "phase_rad_angstrom2"),
    *("beam_centre_row", "beam_centre_column", "image_x_angstrom", "image_y_angstrom"),
    *("offset_x_angstrom", "offset_y_angstrom"),
)
MOLECULE_COLUMNS = ("molecule", "x_angstrom", "y_angstrom", "diameter_angstrom", "score", "views")


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known before observations are written."""

    settings: AcquisitionSettings
    """As they are known after calibration."""
    scan: ScanInfo
    calibration: DetectorCalibration
    table: FrameClasses
    probability: NDArray[np.floating[Any]]
    """`(frame, class)`, under the shares that the classes have in this scan."""
    priors: NDArray[np.floating[Any]]
    """`(class)`, those shares."""
    hit_probability: NDArray[np.floating[Any]]
    """`(frame)`, of hitting one molecule, by pattern and image."""
    hits: Hits
    """By both."""
    hits_by_pattern: Hits
    """By patterns alone."""
    image: OverviewImage
    defocus: Defocus
    picks: Picks
    registration: Registration | None
    """None where no frame is a hit, or the scan does not lie on the image."""
    refused: str | None
    """Why it does not."""
    matches: Matches | None
    warnings: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Positions of the scan along y and x."""
        return self.settings.scan.shape or (1, len(self.table))

    def why_none(self) -> str:
        """Say why nothing is handed over."""
        parts = [part for part in (self.hits.reason, self.refused) if part]
        if parts:
            return ", and ".join(parts)
        fates = {} if self.matches is None else self.matches.counts()
        told = ", ".join(f"{count}: {reason.value}" for reason, count in fates.items() if count)
        return f"none of its {int(self.hits.chosen.sum())} hits can be handed over ({told})"


def write_findings(
    folder: Path,
    findings: Findings,
    rejected: Mapping[int, str],
    inputs: Mapping[str, str],
) -> None:
    """Write tables of frames and molecules, and last the record that says that all is there.

    Parameters
    ----------
    rejected : Why frames that were matched are not handed over, by their numbers.
    inputs : Name and hash of what was read.
    """
    fates = fates_of(findings, rejected)
    write_text(folder / FRAMES, _frames(findings, fates))
    write_text(folder / MOLECULES, _molecules(findings, fates))
    write_json(folder / RECORD, record_of(findings, fates, inputs))


def fates_of(findings: Findings, rejected: Mapping[int, str]) -> list[str]:
    """Say of every frame what became of it; nothing of those that are no hits."""
    fates = [NO_HIT] * len(findings.table)
    if findings.matches is not None:
        for frame, reason in zip(findings.matches.frame, findings.matches.reason, strict=True):
            fates[int(frame)] = reason.value
    elif findings.refused is not None:
        for frame in np.flatnonzero(findings.hits.chosen).tolist():
            fates[frame] = NOT_ON_IMAGE
    for number, words in rejected.items():
        fates[number] = words
    return fates


def record_of(findings: Findings, fates: list[str], inputs: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the record of a run as JSON holds it."""
    calibration, camera = findings.calibration, findings.calibration.camera
    classes = np.bincount(findings.probability.argmax(1), minlength=len(CLASSES))
    hits, registration = findings.hits, findings.registration
    return {
        "schema_version": SCHEMA_VERSION,
        "scan": {
            "file": findings.scan.path.name,
            "format": findings.scan.format,
            "shape": list(findings.shape),
            "frame_shape": list(findings.scan.frame_shape),
            "frames": len(findings.table),
        },
        "settings": findings.settings.model_dump(mode="json"),
        "calibration": {
            "mrad_per_pixel": calibration.mrad_per_pixel,
            "by_rings": None if camera is None else asdict(camera),
            "ellipse": asdict(calibration.ellipse),
            "counts_per_electron": calibration.counts_per_electron,
            "found_counts_per_electron": calibration.found_counts_per_electron,
            "pixels_not_measured": {
                name: int(getattr(calibration.faults, name).sum())
                for name in ("dead", "hot", "noisy", "beam_stop", "gaps", "saturated")
            },
            "centred_by": calibration.centring.by,
            "background_frames": calibration.background.frames,
            "background_profile_electrons": calibration.background.profile.tolist(),
            "background_error_electrons": calibration.background.error.tolist(),
        },
        "classes": {name: int(count) for name, count in zip(CLASSES, classes, strict=True)},
        "shares": {
            name: float(share) for name, share in zip(CLASSES, findings.priors, strict=True)
        },
        "hits": {
            "frames": int(hits.chosen.sum()),
            "threshold": hits.threshold,
            "expected_precision": hits.expected_precision,
            "expected_recall": hits.expected_recall,
            "frames_by_pattern_alone": int(findings.hits_by_pattern.chosen.sum()),
            "expected_recall_by_pattern_alone": findings.hits_by_pattern.expected_recall,
            "reason": hits.reason,
        },
        "image": {
            "file": findings.image.path.name,
            "pixels": list(findings.image.electrons.shape),
            "pixel_angstrom": findings.image.pixel_angstrom,
            "dose_e_per_a2": findings.image.dose_e_per_a2,
            "defocus": asdict(findings.defocus),
            "molecules": int(findings.picks.sure.sum()),
        },
        "registration": None
        if registration is None
        else {
            name: getattr(registration, name)
            for name in (
                "scan_to_image_deg", "rotation_error_deg", "scale", "scale_error",
                "drift_angstrom", "molecules", "score", "correlation", "chance",
            )
        } | {
            "shift_angstrom": registration.shift_angstrom.tolist(),
            "median_error_angstrom": float(np.median(registration.standard_error_angstrom)),
        },
        "fates": {words: fates.count(words) for words in sorted(set(fates) - {NO_HIT})},
        "observations": fates.count(KEPT),
        "why_none": "" if KEPT in fates else findings.why_none(),
        "warnings": list(findings.warnings),
        "provenance": provenance(
            "ingest", findings.settings.model_dump(mode="json"), findings.settings.seed, inputs
        ),
    }  # fmt: skip


def _frames(findings: Findings, fates: list[str]) -> str:
    table, probability = findings.table, findings.probability
    best = probability.argmax(1)
    columns = findings.shape[1]
    empty = np.full((len(table), 2), np.nan)
    places, offsets = empty.copy(), empty.copy()
    molecule = np.full(len(table), NOTHING)
    if findings.registration is not None:
        found = findings.registration.positions_angstrom.reshape(-1, 2)
        places[: len(found)] = found[: len(table)]
    if findings.matches is not None:
        molecule[findings.matches.frame] = findings.matches.molecule
        offsets[findings.matches.frame] = findings.matches.offset_angstrom
    rows = (
        (
            *(number, *divmod(number, columns), CLASSES[best[number]]),
            *(
                f"{probability[number, best[number]]:.4f}",
                f"{findings.hit_probability[number]:.4f}",
            ),
            *(fates[number], "" if molecule[number] == NOTHING else molecule[number]),
            f"{table.scattered_fraction[number]:.5g}",
            f"{table.phase_rad_angstrom2[number]:.4g}",
            *(f"{value:.3f}" for value in table.centre[number]),
            *(_plain(value) for value in (*places[number], *offsets[number])),
        )
        for number in range(len(table))
    )
    return _csv(FRAME_COLUMNS, rows)


def _molecules(findings: Findings, fates: list[str]) -> str:
    picks, matches = findings.picks, findings.matches
    views = np.zeros(len(picks), dtype=np.int64)
    if matches is not None:
        kept = np.array([fates[int(frame)] == KEPT for frame in matches.frame], dtype=np.bool_)
        np.add.at(views, matches.molecule[kept], 1)
    rows = (
        (
            number,
            *(f"{value:.2f}" for value in picks.centre_angstrom[number]),
            f"{picks.diameter_angstrom[number]:.1f}",
            f"{picks.score[number]:.2f}",
            views[number],
        )
        for number in range(len(picks))
        if picks.sure[number] or views[number]
    )
    return _csv(MOLECULE_COLUMNS, rows)


def _plain(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""


def _csv(columns: tuple[str, ...], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
