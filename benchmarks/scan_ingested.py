"""Observations that `ingest` made of a simulated scan, against the truth beside it.

Judges the hits (frames that hit one whole molecule, well inside the beam), the places of molecules,
the centres of frames, the calibration; with `--phased`, the phased images against those of
direct observations: the same molecules, orientations, exposure and image, counted without ice,
detector faults, or any doubt about where things are. `--direct` writes these for `diffragan phase`,
`--same-instrument` with the beam's rim, the detector's point spread and the image's pixels as well,
which no evaluation undoes: what is lost to these is lost to the experiment, and not to `ingest`.
`--posed` writes the ingested ones with the true poses, which direct ones have, too: many views of
one protein then make maps with `reconstruct --method phase-extension --poses known`, which `--maps`
compares with the true potential.
Run: python benchmarks/scan_ingested.py FOLDER OBS.zarr [--direct DIRECT.zarr]
[--same-instrument SAME.zarr] [--posed POSED.zarr]
[--phased OBS-PHASED.zarr SAME-PHASED.zarr DIRECT-PHASED.zarr]
[--maps POSED-MAP SAME-MAP DIRECT-MAP --structure PROTEIN.pdb] [--out FILE.json]
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scan_direct import instrument_of, true_waves, write_direct, write_posed

from diffragan.acquisition.findings import FRAMES, KEPT, RECORD
from diffragan.acquisition.ingest import folder_beside
from diffragan.acquisition.overview.frames import turn
from diffragan.alignment import align, translate
from diffragan.config.experiment import Experiment
from diffragan.errors import DiffraganError, InputError
from diffragan.evaluation.metrics import image_frc, measured_limit, resolution
from diffragan.grid import Grid
from diffragan.io.files import read_json, write_json
from diffragan.io.mrc import read_mrc
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.scans.truth import FRAME_CLASSES, ScanTruth, read_truth
from diffragan.phasing.protocol import high_resolution_images
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.map_folder import MAP
from diffragan.reconstruction.map_alignment import align_maps, move_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import resolution_at
from diffragan.structures.prepared import read_prepared

WHOLE_SHARE = 0.98
"""Of a molecule in the beam, from which a frame should be a hit."""
RIM_SHARE = 0.1
"""Below which a frame must not be a hit; between, it is neither right nor wrong."""
POORLY_LIT = (0.9, 0.5)
"""Shares of a molecule; how many frames of undamaged ones light less is said."""
ONE_OR_NONE = ("empty", "ice", "protein")
"""Classes of frames with one molecule at most, that is not damaged."""
COMPARED = ("ingested", "same_instrument", "direct")
"""Observations whose phased images and maps are judged, in the order they are given."""


def main() -> int:
    """Judge, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("observations", type=Path)
    parser.add_argument("--direct", type=Path)
    parser.add_argument("--same-instrument", type=Path)
    parser.add_argument("--posed", type=Path)
    parser.add_argument("--phased", type=Path, nargs=3)
    parser.add_argument("--maps", type=Path, nargs=3)
    parser.add_argument("--structure", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    try:
        found = judged(arguments)
    except DiffraganError as error:
        print(f"scan_ingested: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1))
    if arguments.out is not None:
        write_json(arguments.out, found)
    return 0


def judged(arguments: argparse.Namespace) -> dict[str, Any]:
    """Judge everything that is there."""
    truth, data = read_truth(arguments.folder), ObservationStore(arguments.observations)
    folder = folder_beside(arguments.observations)
    rows, record = read_frames(folder / FRAMES), read_json(folder / RECORD)
    found: dict[str, Any] = {
        "exposure_e_per_a2": record["settings"]["scan"]["exposure_e_per_a2"],
        "frames": len(rows),
        "molecules": len(truth.arrays.molecule_place),
        "observations": len(data),
        "hits": judge_hits(rows, truth, record["hits"]["threshold"]),
        "places": judge_places(data, truth),
        "centres": judge_centres(rows, truth),
        "calibration": judge_calibration(record, truth),
    }
    if arguments.direct is not None:
        write_direct(data, truth, arguments.direct)
        found["direct"] = str(arguments.direct)
    if arguments.same_instrument is not None:
        write_direct(data, truth, arguments.same_instrument, instrument_of(data, truth))
        found["same_instrument"] = str(arguments.same_instrument)
    if arguments.posed is not None:
        appears = -misplaced(data, truth)[:, ::-1] * data.experiment.box_angstrom
        write_posed(data, truth, appears, arguments.posed)
        found["posed"] = str(arguments.posed)
    if arguments.maps is not None:
        if arguments.structure is None:
            raise InputError("maps are compared with a structure; give --structure")
        found["maps"] = {
            name: judge_map(folder, arguments.structure)
            for name, folder in zip(COMPARED, arguments.maps, strict=True)
        }
    if arguments.phased is not None:
        found["phased"] = {
            name: judge_phased(PhasedStore(path), data, truth, moved=name == "ingested")
            for name, path in zip(COMPARED, arguments.phased, strict=True)
        }
    return found


def read_frames(path: Path) -> list[dict[str, str]]:
    """Read the table of frames."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judge_hits(
    rows: list[dict[str, str]], truth: ScanTruth, threshold: float
) -> dict[str, float | int]:
    """Precision and recall of the frames that count as hits, and of those that are kept."""
    arrays = truth.arrays
    protein = arrays.frame_class == FRAME_CLASSES.index("protein")
    wanted = protein & (arrays.frame_share >= WHOLE_SHARE)
    # Of which less than half is lit, the truth calls what is about the molecule.
    alone = np.isin(arrays.frame_class, [FRAME_CLASSES.index(name) for name in ONE_OR_NONE])
    neither = alone & ~wanted & (arrays.frame_share >= RIM_SHARE)
    damaged = arrays.frame_class == FRAME_CLASSES.index("damaged")
    chosen = np.array([row["fate"] != "" for row in rows], dtype=np.bool_)
    kept = np.array([row["fate"] == KEPT for row in rows], dtype=np.bool_)
    told: dict[str, float | int] = {"wanted": int(wanted.sum()), "threshold": threshold}
    for name, these in (("hits", chosen), ("kept", kept)):
        counted = these & ~neither
        told[name] = int(these.sum())
        right = int((counted & wanted).sum())
        told[f"{name}_precision"] = right / max(int(counted.sum()), 1)
        told[f"{name}_precision_damaged_right"] = (right + int((counted & damaged).sum())) / max(
            int(counted.sum()), 1
        )
        told[f"{name}_recall"] = float((these & wanted).sum() / max(wanted.sum(), 1))
        told[f"{name}_off_centre"] = int((these & neither).sum())
        lit = arrays.frame_share[these & protein]
        for share in POORLY_LIT:
            below = float((lit < share).mean()) if len(lit) else 0.0
            told[f"{name}_lit_below_{share:g}".replace(".", "p")] = below
    return told


def misplaced(data: ObservationStore, truth: ScanTruth) -> NDArray[np.float64]:
    """How far pieces of the image must be moved along y and x, as a share of the box."""
    owners = truth.arrays.frame_molecule[data.read("frame")]
    settings = data.store.attributes["provenance"]["settings"]
    record = read_json(folder_beside(data.store.path) / RECORD)
    away = places_found(data, truth) - places_true(data, truth)[owners]
    angle = record["registration"]["scan_to_image_deg"] - settings["scan"]["scan_to_detector_deg"]
    moved = away * image_pixel(data, truth) @ turn(angle).T
    return np.asarray(moved[:, ::-1] / data.experiment.box_angstrom)


def centroids_true(data: ObservationStore, truth: ScanTruth) -> NDArray[np.float64]:
    """Columns and rows of the centroids of all molecules, from the image's origin.

    An image shows where the mass is. Structures are centred on their centroids, and moved so that
    their bounding boxes lie where the truth says.
    """
    scan = truth.scan
    angle = scan["nominal_to_image_deg"] - scan["nominal_to_detector_deg"]
    within = truth.arrays.molecule_shift[:, :2] @ turn(-angle).T / scan["image_pixel_angstrom"]
    flipped = data.store.attributes["provenance"]["settings"]["overview"]["image_flipped_y"]
    return np.asarray(places_true(data, truth) + within * [1.0, -1.0 if flipped else 1.0])


def image_pixel(data: ObservationStore, truth: ScanTruth) -> float:
    """Pixel of the image as it is said to be [Å]."""
    given = data.store.attributes["provenance"]["settings"]["overview"]["pixel_angstrom"]
    return float(given or truth.scan["image_pixel_angstrom"])


def places_found(data: ObservationStore, truth: ScanTruth) -> NDArray[np.float64]:
    """Columns and rows of the molecules from the image's origin, along its axes."""
    flipped = data.store.attributes["provenance"]["settings"]["overview"]["image_flipped_y"]
    signs = np.array([1.0, -1.0 if flipped else 1.0])
    return np.asarray(signs * data.read("image_position") / image_pixel(data, truth))


def places_true(data: ObservationStore, truth: ScanTruth) -> NDArray[np.float64]:
    """Return the same of all molecules in the field."""
    return np.asarray(truth.arrays.molecule_pixel[:, ::-1] - image_middle(data))


def judge_places(data: ObservationStore, truth: ScanTruth) -> dict[str, float | int]:
    """Errors of the molecules' places in the image, and of their offsets in the beam."""
    frames = data.read("frame")
    right = truth.arrays.frame_molecule[frames]
    found, true = places_found(data, truth), centroids_true(data, truth)
    errors = np.linalg.norm(found[:, None] - true[None], axis=-1) * image_pixel(data, truth)
    nearest = errors.argmin(1)
    own = errors[np.arange(len(frames)), right]
    # Turned into the detector's frame, the truth is as the observations have it.
    turned = truth.arrays.frame_offset[frames] @ turn(-truth.scan["nominal_to_detector_deg"]).T
    turned = turned + truth.arrays.molecule_shift[right][:, :2]
    offset = np.linalg.norm(data.read("beam_offset") - turned, axis=-1)
    matched = nearest == right
    return {
        "right_molecule": int(matched.sum()),
        "observations": len(frames),
        "place_median_angstrom": float(np.median(own[matched])),
        "place_rms_angstrom": float(np.sqrt(np.mean(own[matched] ** 2))),
        "place_95_percent_angstrom": float(np.quantile(own[matched], 0.95)),
        "offset_median_angstrom": float(np.median(offset[matched])),
        "offset_rms_angstrom": float(np.sqrt(np.mean(offset[matched] ** 2))),
        "offset_95_percent_angstrom": float(np.quantile(offset[matched], 0.95)),
    }


def image_middle(data: ObservationStore) -> NDArray[np.float64]:
    """Column and row of the origin of the image, pixel n // 2."""
    folder = folder_beside(data.store.path)
    rows, columns = read_json(folder / RECORD)["image"]["pixels"]
    return np.array([columns // 2, rows // 2], dtype=np.float64)


def judge_centres(rows: list[dict[str, str]], truth: ScanTruth) -> dict[str, float]:
    """Errors of the direct beam's place [pixels], over frames that are not saturated."""
    found = np.array(
        [[float(row["beam_centre_row"]), float(row["beam_centre_column"])] for row in rows]
    )
    sound = truth.arrays.frame_class != FRAME_CLASSES.index("saturated")
    errors = (found - truth.arrays.direct_beam_pixels)[sound]
    return {
        "rms_along_y_pixels": float(np.sqrt(np.mean(errors[:, 0] ** 2))),
        "rms_along_x_pixels": float(np.sqrt(np.mean(errors[:, 1] ** 2))),
        "within_0p2_pixels": float((np.abs(errors).max(1) <= 0.2).mean()),
    }


def judge_calibration(record: dict[str, Any], truth: ScanTruth) -> dict[str, float | None]:
    """Errors of what was calibrated, and of what was registered."""
    found, registration = record["calibration"], record["registration"]
    ellipse = found["ellipse"]
    step = record["settings"]["scan"]["step_angstrom"]
    image_pixel = record["image"]["pixel_angstrom"]
    told: dict[str, float | None] = {
        "mrad_per_pixel_percent": 100
        * (found["mrad_per_pixel"] / truth.scan["mrad_per_pixel"] - 1),
        "by_rings_percent": None
        if found["by_rings"] is None
        else 100 * (found["by_rings"]["mrad_per_pixel"] / truth.scan["mrad_per_pixel"] - 1),
        "ellipticity": ellipse["ratio"] - 1 - truth.scan["ellipticity"],
        "ellipse_angle_deg": float(
            (ellipse["angle_deg"] - truth.scan["ellipticity_angle_deg"] + 90) % 180 - 90
        ),
        "defocus_angstrom": record["image"]["defocus"]["defocus_angstrom"]
        - truth.scan["defocus_angstrom"],
    }
    if registration is not None:
        # The image's pixel is known no better than its header says.
        scale = (
            truth.scan["step_angstrom"] / step * image_pixel / truth.scan["image_pixel_angstrom"]
        )
        told["scan_to_image_deg"] = (
            registration["scan_to_image_deg"] - truth.scan["scan_to_image_deg"]
        )
        told["scan_scale_percent"] = 100 * (registration["scale"] / scale - 1)
    return told


def judge_phased(
    phased: PhasedStore, data: ObservationStore, truth: ScanTruth, *, moved: bool
) -> dict[str, float | int | bool]:
    """Mean Fourier ring correlation of phased images with the true ones, laid on them."""
    experiment: Experiment = data.experiment
    items = [int(item) for item in phased.read("source_item")]
    true = high_resolution_images(true_waves(data, truth)[items], experiment)
    images = torch.from_numpy(phased.read("image"))
    limit = measured_limit(experiment)
    if moved:  # pieces of the image lie about the place that was found, not about the true one
        images = translate(images, torch.from_numpy(misplaced(data, truth)[items]).to(images))
    images = align(images, true).apply(images)
    curve = image_frc(images, true, limit.rings).double().mean(0)
    found = resolution(curve, limit)
    return {
        "views": len(items),
        "resolution_frc_0p5_angstrom": found.angstrom,
        "reaches_limit": found.reaches_limit,
        "starts_below": found.starts_below,
        "mean_frc": float(curve[limit.whole_rings].mean()),
    }


def judge_map(folder: Path, structure: Path) -> dict[str, float | None]:
    """Fourier shell correlation of a map with the true potential, laid on it."""
    values, pixel, _ = read_mrc(folder / MAP)
    volume, grid = torch.from_numpy(values), Grid(len(values), len(values) * pixel)
    truth = true_potential_map(read_prepared(structure).model, grid)
    moved = move_map(volume, align_maps(volume, truth, grid), grid)
    frequency, correlation = fourier_shell_correlation(moved, truth, grid)
    return {
        "resolution_fsc_0p5_angstrom": resolution_at(correlation, frequency),
        "finest_angstrom": 1 / float(frequency[-1]),
    }


if __name__ == "__main__":
    sys.exit(main())
