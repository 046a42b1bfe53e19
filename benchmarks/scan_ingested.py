"""Observations that `ingest` made of a simulated scan, against the truth beside it.

Judges the hits (frames that hit one whole molecule, well inside the beam), the places of molecules,
the centres of frames, the calibration; and with `--phased`, the phased images against those of
direct observations: the same molecules, orientations, exposure and image, counted without ice,
detector faults, or any doubt about where things are. `--direct` writes these for `diffragan phase`.
Run: python benchmarks/scan_ingested.py FOLDER OBS.zarr [--direct DIRECT.zarr]
[--phased OBS-PHASED.zarr DIRECT-PHASED.zarr] [--out FILE.json]
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

from diffragan.acquisition.findings import FRAMES, KEPT, RECORD
from diffragan.acquisition.ingest import folder_beside
from diffragan.alignment import align
from diffragan.config.experiment import Experiment
from diffragan.errors import DiffraganError
from diffragan.evaluation.metrics import image_frc, measured_limit, resolution
from diffragan.grid import Grid
from diffragan.io.files import read_json, write_json
from diffragan.io.observations import (
    KIND,
    ObservationStore,
    observation_attributes,
    observation_specs,
)
from diffragan.io.phased import PhasedStore
from diffragan.io.scans.truth import FRAME_CLASSES, ScanTruth, read_truth
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.phasing.protocol import high_resolution_images
from diffragan.physics.detector import poisson_counts
from diffragan.physics.forward import diffraction_pattern, image
from diffragan.typing import Waves

WHOLE_SHARE = 0.98
"""Of a molecule in the beam, from which a frame should be a hit."""
RIM_SHARE = 0.1
"""Below which a frame must not be a hit; between, it is neither right nor wrong."""


def main() -> int:
    """Judge, print, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("observations", type=Path)
    parser.add_argument("--direct", type=Path)
    parser.add_argument("--phased", type=Path, nargs=2)
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
    if arguments.phased is not None:
        found["phased"] = {
            name: judge_phased(PhasedStore(path), data, truth)
            for name, path in zip(("ingested", "direct"), arguments.phased, strict=True)
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
    neither = protein & ~wanted & (arrays.frame_share >= RIM_SHARE)
    chosen = np.array([row["fate"] != "" for row in rows], dtype=np.bool_)
    kept = np.array([row["fate"] == KEPT for row in rows], dtype=np.bool_)
    told: dict[str, float | int] = {"wanted": int(wanted.sum()), "threshold": threshold}
    for name, these in (("hits", chosen), ("kept", kept)):
        counted = these & ~neither
        told[name] = int(these.sum())
        told[f"{name}_precision"] = float((counted & wanted).sum() / max(counted.sum(), 1))
        told[f"{name}_recall"] = float((these & wanted).sum() / max(wanted.sum(), 1))
        told[f"{name}_off_centre"] = int((these & neither).sum())
    return told


def judge_places(data: ObservationStore, truth: ScanTruth) -> dict[str, float | int]:
    """Errors of the molecules' places in the image, and of their offsets in the beam."""
    frames = data.read("frame")
    right = truth.arrays.frame_molecule[frames]
    record = data.store.attributes["provenance"]["settings"]["overview"]
    pixel = record["pixel_angstrom"] or truth.scan["image_pixel_angstrom"]
    places = data.read("image_position")
    found = np.array([1.0, -1.0 if record["image_flipped_y"] else 1.0]) * places / pixel
    middle = image_middle(data)
    true = truth.arrays.molecule_pixel[:, ::-1] - middle
    errors = np.linalg.norm(found[:, None] - true[None], axis=-1) * pixel
    nearest = errors.argmin(1)
    own = errors[np.arange(len(frames)), right]
    # Turned into the detector's frame, the truth is as the observations have it.
    turned = turn(-truth.scan["nominal_to_detector_deg"]) @ truth.arrays.frame_offset[frames].T
    offset = np.linalg.norm(data.read("beam_offset") - turned.T, axis=-1)
    matched = nearest == right
    return {
        "right_molecule": int(matched.sum()),
        "observations": len(frames),
        "place_rms_angstrom": float(np.sqrt(np.mean(own[matched] ** 2))),
        "place_95_percent_angstrom": float(np.quantile(own[matched], 0.95)),
        "offset_rms_angstrom": float(np.sqrt(np.mean(offset[matched] ** 2))),
        "offset_95_percent_angstrom": float(np.quantile(offset[matched], 0.95)),
    }


def image_middle(data: ObservationStore) -> NDArray[np.float64]:
    """Column and row of the origin of the image, pixel n // 2."""
    folder = folder_beside(data.store.path)
    rows, columns = read_json(folder / RECORD)["image"]["pixels"]
    return np.array([columns // 2, rows // 2], dtype=np.float64)


def turn(degrees: float) -> NDArray[np.float64]:
    """Turn vectors x, y by an angle."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


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


def true_waves(data: ObservationStore, truth: ScanTruth) -> Waves:
    """Waves of the molecules that the observations show, on the store's grid."""
    experiment = data.experiment
    owners = truth.arrays.frame_molecule[data.read("frame")]
    waves = torch.from_numpy(truth.arrays.waves[owners]).to(torch.complex64)
    its_grid = Grid(waves.shape[-1], truth.scan["box_angstrom"])
    return on_grid(waves, its_grid, experiment.wave_grid)


def on_grid(waves: Waves, source: Grid, target: Grid) -> Waves:
    """Sample waves anew: they are band-limited, and vanish before the boxes' edges."""
    axis = (torch.arange(target.pixels) - target.pixels // 2) * target.pixel_angstrom
    frequency = torch.fft.fftfreq(source.pixels, source.pixel_angstrom).double()
    inside = frequency.abs() <= target.nyquist_per_angstrom
    places = torch.arange(source.pixels) - source.pixels // 2
    forth = torch.exp(-2j * torch.pi * frequency[:, None] * places * source.pixel_angstrom)
    back = torch.exp(2j * torch.pi * axis[:, None] * frequency) * inside
    matrix = (back @ forth / source.pixels).to(torch.complex64)
    held = (axis.abs() <= source.box_angstrom / 2).to(torch.complex64)
    matrix = held[:, None] * matrix
    return matrix @ waves @ matrix.T


def write_direct(data: ObservationStore, truth: ScanTruth, out: Path) -> None:
    """Write observations of the same molecules as if nothing stood between them and a detector."""
    experiment = data.experiment
    waves = true_waves(data, truth)
    exposure = experiment.detector.exposure_e_per_a2
    assert exposure is not None
    incident = exposure * experiment.box_angstrom**2
    attributes = observation_attributes(
        experiment, "direct", None, {"command": "scan_ingested", "source": data.identity}, incident
    )
    doses = data.read("low_resolution_dose")
    copied = [
        name
        for name in observation_specs(experiment, 0)
        if data.store.describe(name).per_item
        and name not in ("diffraction", "low_resolution", "low_resolution_dose", "structure")
    ]
    with StoreWriter(out, KIND, observation_specs(experiment, len(data)), attributes) as writer:
        writer.write_whole({"measured": data.read("measured")})
        for item in range(len(data)):
            generator = np.random.default_rng([1, item])
            counts = generator.poisson(
                diffraction_pattern(waves[item], experiment.diffraction_pixels).double().numpy()
                * incident
            )
            seen = image(
                waves[item],
                experiment.wave_grid,
                experiment.low_resolution,
                experiment.electron,
                experiment.image_pixels,
            )
            low = poisson_counts(seen, float(doses[item]), experiment.image_grid, generator)
            write_item(
                writer.partial,
                item,
                {
                    "diffraction": counts.astype(np.uint32) * data.read("measured"),
                    "low_resolution": low.numpy().astype(np.uint32),
                    "low_resolution_dose": float(doses[item]),
                    "structure": 0,
                    **{name: data.read(name, [item])[0] for name in copied},
                },
            )
            writer.mark(item)
        writer.finish()


def judge_phased(
    phased: PhasedStore, data: ObservationStore, truth: ScanTruth
) -> dict[str, float | int | bool]:
    """Mean Fourier ring correlation of phased images with the true ones, laid on them."""
    experiment: Experiment = data.experiment
    items = [int(item) for item in phased.read("source_item")]
    true = high_resolution_images(true_waves(data, truth)[items], experiment)
    images = torch.from_numpy(phased.read("image"))
    limit = measured_limit(experiment)
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


if __name__ == "__main__":
    sys.exit(main())
