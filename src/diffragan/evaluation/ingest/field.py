"""The overview image with all that was found on it, as the page's drawing and its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.findings import KEPT
from diffragan.acquisition.overview.frames import turn
from diffragan.acquisition.overview.picking import NOTHING
from diffragan.evaluation.ingest.folder import IngestFolder
from diffragan.evaluation.ingest.ground import Ground
from diffragan.evaluation.ingest.looks import MARKS, Look, looks_of
from diffragan.evaluation.ingest.phased_hits import PhasedHit

MOST_DRAWN = 4000
"""Hits and molecules; a browser is slow with more."""
SMALLEST_MARK, LARGEST_MARK = 1 / 240, 1 / 120
"""Radius of a hit's mark, as a share of the picture's width."""
MARK_STEPS = 0.45
"""The same, in steps of the scan: marks of neighbouring frames do not hide each other."""
OUTLINE_POINTS = 200
DEFAULT_PIECE_BEAMS = 2.0
"""Side of a hit's piece of the image where there are no observations, in diameters of the beam."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One hit on the picture."""

    place: int
    """In the list of hits."""
    x: float
    y: float
    fate: int
    """Place in the looks."""
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """What is drawn on the picture, in its pixels."""

    width: int
    height: int
    size: float
    """Radius of marks."""
    outline: str
    """Path around the scan."""
    molecules: list[tuple[float, float, float]]
    """Place and radius of each."""
    marks: list[Mark]
    looks: list[Look]
    shapes: Mapping[str, str]
    counts: list[int]
    """Hits of each look."""


def drawn_hits(found: IngestFolder) -> NDArray[np.int64]:
    """Choose the hits to draw: those that were kept, and evenly as many others as can be drawn."""
    hits = found.frames.hits()
    hits = hits[np.isfinite(found.frames.place_angstrom[hits]).all(1)]
    kept = np.array([found.frames.fate[hit] == KEPT for hit in hits.tolist()], dtype=np.bool_)
    others = hits[~kept]
    some = others[:: max(1, -(-len(others) // MOST_DRAWN))]
    return np.sort(np.concatenate([hits[kept], some]))


def field_of(found: IngestFolder, ground: Ground, hits: NDArray[np.int64]) -> Field:
    """Place the outline of the scan, molecules and hits on the picture."""
    frames, looks = found.frames, looks_of(found.record["fates"])
    place_of = {look.words: at for at, look in enumerate(looks)}
    places = ground.place(frames.place_angstrom[hits])
    marks = [
        Mark(
            at, round(float(x), 1), round(float(y), 1), place_of[frames.fate[hit]],
            f"Frame {hit}: {looks[place_of[frames.fate[hit]]].name}",
        )
        for at, (hit, (x, y)) in enumerate(zip(hits.tolist(), places, strict=True))
    ]  # fmt: skip
    radii = found.molecules.diameter_angstrom / 2 * ground.per_angstrom
    circles = [
        (round(float(x), 1), round(float(y), 1), round(float(r), 1))
        for (x, y), r in zip(ground.place(found.molecules.place_angstrom), radii, strict=True)
    ]
    return Field(
        ground.width, ground.height, _mark_size(found, ground), _outline(found, ground),
        circles[:MOST_DRAWN], marks, looks, MARKS,
        [int(found.record["fates"][look.words]) for look in looks],
    )  # fmt: skip


def field_data(
    found: IngestFolder,
    ground: Ground,
    hits: NDArray[np.int64],
    box_angstrom: float | None,
    item_of: Mapping[int, int],
    phased: Mapping[str, Mapping[int, PhasedHit]],
) -> dict[str, Any]:
    """Return what the script says of each hit that is drawn.

    Parameters
    ----------
    box_angstrom : Side of the observations' images; none where there are no observations.
    item_of : The observation of each frame.
    phased : What each method made of them, by its name and by item.
    """
    scan = found.settings.scan
    diameter = float(scan.beam_diameter_angstrom or 0.0)
    piece = box_angstrom or DEFAULT_PIECE_BEAMS * diameter
    laid = found.record["registration"]
    # The axes of the detector, in which observations are handed over, on the picture.
    axes = turn(scan.scan_to_detector_deg - (laid["scan_to_image_deg"] if laid else 0.0))
    at = {int(number): row for row, number in enumerate(found.molecules.number)}
    frames = found.frames
    rows = []
    for hit in hits.tolist():
        molecule, item = int(frames.molecule[hit]), item_of.get(hit)
        middle = (
            found.molecules.place_angstrom[at[molecule]]
            if molecule in at
            else frames.place_angstrom[hit]
        )
        x, y = ground.place(middle[None])[0]
        rows.append(
            {
                "frame": hit,
                "item": item,
                "molecule": None if molecule == NOTHING else molecule,
                "middle": [round(float(x), 1), round(float(y), 1)],
                "facts": _facts(found, hit, item, phased),
            }
        )
    return {
        "per_angstrom": ground.per_angstrom,
        "beam": diameter * ground.per_angstrom,
        "piece": piece * ground.per_angstrom,
        "piece_angstrom": piece,
        "axes": [[round(float(v), 5) for v in row] for row in axes],
        "looks": [
            {"name": look.name, "words": look.words} for look in looks_of(found.record["fates"])
        ],
        "hits": rows,
    }


def _facts(
    found: IngestFolder,
    hit: int,
    item: int | None,
    phased: Mapping[str, Mapping[int, PhasedHit]],
) -> list[tuple[str, str]]:
    frames = found.frames
    row, column = divmod(hit, found.shape[1])
    facts = [
        ("What became of it", frames.fate[hit]),
        ("Place in the scan", f"row {row}, column {column}"),
        ("Probability of one protein", f"{frames.hit_probability[hit]:.3f}"),
        ("Scattered electrons", f"{100 * frames.scattered_fraction[hit]:.3g} % of the beam"),
        ("Phase shift", f"{frames.phase_rad_angstrom2[hit]:.4g} rad Å²"),
    ]
    if frames.molecule[hit] != NOTHING:
        away = float(np.hypot(*frames.offset_angstrom[hit]))
        words = f"number {frames.molecule[hit]}, {away:.0f} Å off the beam's middle"
        facts.append(("Molecule", words))
    if item is not None:
        facts.append(("Observation", str(item)))
    for name, of_method in phased.items():
        if item is not None and item in of_method:
            facts.append((f"Phased by {name}", of_method[item].words()))
    return facts


def _mark_size(found: IngestFolder, ground: Ground) -> float:
    """Radius of a hit's mark [pixels of the picture]."""
    step = (found.settings.scan.step_angstrom or 0.0) * ground.per_angstrom
    smallest, largest = (share * ground.width for share in (SMALLEST_MARK, LARGEST_MARK))
    return float(np.clip(MARK_STEPS * step, smallest, largest))


def _outline(found: IngestFolder, ground: Ground) -> str:
    """Path along the outermost positions of the scan."""
    rows, columns = found.shape
    whole = np.full((rows * columns, 2), np.nan)
    count = min(len(whole), len(found.frames))
    whole[:count] = found.frames.place_angstrom[:count]
    grid = whole.reshape(rows, columns, 2)
    rim: Sequence[NDArray[np.float64]] = (
        *(grid[0, :-1], grid[:-1, -1]),
        *(grid[-1, :0:-1], grid[:0:-1, 0]),
    )
    points = np.concatenate(rim) if rows > 1 and columns > 1 else grid.reshape(-1, 2)
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return ""
    kept = points[:: -(-len(points) // OUTLINE_POINTS)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ground.place(kept)) + "Z"
