"""Tables of an ingested scan's page, worded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffragan.acquisition.findings import KEPT, NO_HIT
from diffragan.acquisition.hits.classes import CLASSES, PROTEIN
from diffragan.evaluation.ingest.folder import IngestFolder
from diffragan.evaluation.ingest.looks import CLASS_COLOURS
from diffragan.evaluation.style import lighter

Row = tuple[str, str]
SHOWN = {
    "empty": "shows vacuum",
    "ice": "shows vitreous ice",
    "crystalline ice": "shows crystalline ice",
    "carbon": "shows carbon",
    "several": "shows several molecules",
    "damaged": "shows a damaged molecule",
    "saturated": "is saturated",
}
"""What a frame of each class shows that is no hit."""


@dataclass(frozen=True, slots=True)
class ClassBar:
    """One bar of the chart of classes."""

    name: str
    colour: str
    frames: int
    percent: float
    """Of all frames."""
    at: float
    """Length, as a percentage of the longest bar."""

    @property
    def dark(self) -> str:
        """Its colour on a dark ground."""
        return lighter(self.colour)


def facts(found: IngestFolder) -> str:
    """Say in one line what was ingested."""
    scan, image = found.record["scan"], found.record["image"]
    rows, columns = found.shape
    height, width = scan["frame_shape"]
    return (
        f"{scan['file']} ({scan['format']}), {rows} x {columns} positions, "
        f"{scan['frames']:,} frames of {height} x {width} pixels; image {image['file']}, "
        f"{image['pixels'][0]} x {image['pixels'][1]} pixels of {image['pixel_angstrom']:.3g} Å"
    )


def summary(found: IngestFolder) -> list[str]:
    """Say in sentences what came of it."""
    record = found.record
    hits, observed = record["hits"], record["observations"]
    told = [
        f"{hits['frames']:,} of {record['scan']['frames']:,} frames count as hits: frames that "
        f"show one protein with a probability of {hits['threshold']:.2f} or more. Of these "
        f"{100 * hits['expected_precision']:.0f} % are expected to be true, and "
        f"{100 * hits['expected_recall']:.0f} % of all there are to be among them."
    ] if hits["frames"] else []  # fmt: skip
    if observed:
        molecules = int((found.molecules.views > 0).sum())
        told.append(
            f"{observed:,} of them {'is' if observed == 1 else 'are'} handed over, and "
            f"{'shows' if observed == 1 else 'show'} {molecules:,} "
            f"molecule{'' if molecules == 1 else 's'}."
        )
    return told


def class_bars(counts: Mapping[str, int]) -> list[ClassBar]:
    """Return a bar for each class, in the order of `CLASSES`."""
    total, most = max(sum(counts.values()), 1), max(1, *counts.values())
    return [
        ClassBar(
            name, CLASS_COLOURS[name], counts[name], 100 * counts[name] / total,
            100 * counts[name] / most,
        )
        for name in CLASSES
    ]  # fmt: skip


def rejected_rows(found: IngestFolder) -> list[tuple[str, str, int]]:
    """Say of what kind frames are that were not handed over, why not, and how many there are."""
    frames = found.frames
    rows = []
    for at, name in enumerate(CLASSES):
        count = sum(
            1 for of, fate in zip(frames.of_class, frames.fate, strict=True)
            if of == at and fate == NO_HIT
        )  # fmt: skip
        why = (
            "not sure enough for the precision that is asked for" if at == PROTEIN else SHOWN[name]
        )
        if count:
            rows.append(("no hit", why, count))
    fates = sorted(found.record["fates"].items(), key=lambda pair: -pair[1])
    return [("hit", words, count) for words, count in fates if words != KEPT] + rows


def calibration_rows(found: IngestFolder) -> list[Row]:
    """Word what is known of detector and lenses."""
    record, calibration = found.record["calibration"], found.calibration
    rows = [("Angle of a pixel", _or_none(record["mrad_per_pixel"], "{:.5g} mrad"))]
    camera = record["by_rings"]
    if camera:
        rows.append(
            (
                f"Angle of a pixel by {camera['found']} ring"
                f"{'' if camera['found'] == 1 else 's'} of {camera['rings']}",
                f"{camera['mrad_per_pixel']:.5g} ± {camera['error']:.2g} mrad",
            )
        )
    rows += [
        ("Longest over shortest diameter of rings", calibration.ellipse.words()),
        ("Counts per electron", f"{record['counts_per_electron']:.4g}"),
        (
            "Counts per electron, by their variance",
            _or_none(record["found_counts_per_electron"], "{:.4g}"),
        ),
        ("Direct beam found by", str(record["centred_by"])),
        ("Frames that make the background", f"{record['background_frames']:,}"),
        ("Pixels not measured", f"{int((~calibration.good).sum()):,}"),
    ]
    rows += [
        (f"of these {name.replace('_', ' ')}", f"{count:,}")
        for name, count in record["pixels_not_measured"].items()
        if count
    ]
    if calibration.saturated_share:
        rows.append(("Frames with saturated pixels", f"{100 * calibration.saturated_share:.1f} %"))
    return rows


def image_rows(found: IngestFolder) -> list[Row]:
    """Word what is known of the overview image."""
    image = found.record["image"]
    defocus = image["defocus"]
    error = _error(defocus["standard_error_angstrom"], ".0f")
    rows = [
        ("Defocus", f"{defocus['defocus_angstrom']:.0f} ± {error} Å"),
        (
            "Astigmatism",
            f"{defocus['astigmatism_angstrom']:.0f} Å at {defocus['astigmatism_angle_deg']:.0f}°"
            if defocus["astigmatism_angstrom"]
            else "not significant",
        ),
        ("Dose", f"{image['dose_e_per_a2']:.4g} e/Å²"),
        ("Molecules found", f"{image['molecules']:,}"),
    ]
    if not defocus["determined"]:
        rows[0] = (rows[0][0], f"{rows[0][1]}, not determined")
    return rows


def registration_rows(found: IngestFolder) -> list[Row]:
    """Word how the scan lies on the image; nothing where it was not laid on it."""
    laid = found.record["registration"]
    if laid is None:
        return []
    x, y = laid["shift_angstrom"]
    return [
        (
            "From the scan's x axis to the image's",
            f"{laid['scan_to_image_deg']:.2f} ± {_error(laid['rotation_error_deg'], '.2f')}°",
        ),
        ("Step, image over scan", f"{laid['scale']:.4f} ± {_error(laid['scale_error'], '.4f')}"),
        ("Middle of the scan, x and y", f"{x:.0f}, {y:.0f} Å"),
        ("Drift, root mean square", f"{laid['drift_angstrom']:.1f} Å"),
        ("Positions are known to, median", f"{laid['median_error_angstrom']:.1f} Å"),
        ("Molecules that decided it", f"{laid['molecules']:,}"),
        (
            "Score, 0 to 1",
            f"{laid['score']:.2f} (correlation {laid['correlation']:.2f}, at wrong rotations "
            f"{laid['chance']:.2f} at most)",
        ),
    ]


def provenance(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a page folds away: everything but what it shows and long lists."""
    long = ("background_profile_electrons", "background_error_electrons")
    kept = {name: value for name, value in record["calibration"].items() if name not in long}
    return {**record, "calibration": kept}


def _error(value: float | None, form: str) -> str:
    """Word a standard error; JSON has none where it is infinite."""
    return "unknown" if value is None else format(value, form)


def _or_none(value: float | None, form: str) -> str:
    return "not known" if value is None else form.format(value)
