"""What `ingest` leaves of a scan, made up in a blink: its folder, the store, the overview image."""

from dataclasses import dataclass
from math import pi
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.acquisition.calibration.background import Background
from diffragan.acquisition.calibration.camera_length import CameraLength
from diffragan.acquisition.calibration.detector_calibration import (
    Centring,
    DetectorCalibration,
    PixelFaults,
)
from diffragan.acquisition.calibration.drift import SmoothCentres
from diffragan.acquisition.calibration.ellipse import Ellipse
from diffragan.acquisition.calibration.stored import write_calibration
from diffragan.acquisition.findings import Findings, write_findings
from diffragan.acquisition.hits.choose import choose_hits, hit_probability
from diffragan.acquisition.hits.classes import CLASSES, PROTEIN
from diffragan.acquisition.hits.classify import FrameClasses
from diffragan.acquisition.overview.defocus import Defocus
from diffragan.acquisition.overview.frames import ImageFrame, scan_points, turn
from diffragan.acquisition.overview.matching import Matches, match
from diffragan.acquisition.overview.picking import Picks
from diffragan.acquisition.overview.registration import Registration
from diffragan.config.acquisition import AcquisitionSettings, ScanSettings
from diffragan.config.detector import DetectorSettings
from diffragan.config.experiment import DiffractionSettings, Experiment
from diffragan.io.files import output_folder
from diffragan.io.mrc import write_stack
from diffragan.io.observations import (
    KIND,
    ObservationStore,
    observation_attributes,
    observation_specs,
)
from diffragan.io.overview_image import OverviewImage
from diffragan.io.scans.scan import ScanInfo
from diffragan.io.store_writer import StoreWriter, write_item

STEP, BEAM, PIXEL = 40.0, 100.0, 5.0
SETTINGS = AcquisitionSettings.model_validate(
    {
        "scan": {
            "energy_kev": 200.0, "mrad_per_pixel": 0.5, "step_angstrom": STEP,
            "beam_diameter_angstrom": BEAM, "exposure_e_per_a2": 100.0,
        },
        "overview": {"pixel_angstrom": PIXEL, "scan_to_image_deg": 8.0},
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Where everything lies."""

    folder: Path
    store: Path | None
    """None where no frame is a hit."""
    image: Path
    kept: tuple[int, ...]
    """Numbers of the frames that were handed over."""


def calibration(shape: tuple[int, int], side: int = 48) -> DetectorCalibration:
    """A detector with some bad pixels and a beam that wanders along the scan."""
    generator = np.random.default_rng(0)
    faults = {name: torch.zeros(side, side, dtype=torch.bool) for name in PixelFaults.__slots__}
    for name in ("dead", "hot"):
        rows, columns = generator.integers(0, side, (2, 5))
        faults[name][rows, columns] = True
    faults["gaps"][side // 3] = True
    rings = np.arange(side * 3 // 4)
    profile = 3 * np.exp(-rings / 8) + 0.2 * np.exp(-(((rings - 14) / 3) ** 2)) + 0.01
    profile[side // 2 :] = 0
    smooth = SmoothCentres(
        shape, 1, np.array([[24.3, 1.5, 0.2], [23.1, -0.3, 0.8]]), np.zeros((2, 3, 3)),
        np.full(2, 0.01), shape[0] - 1,
    )  # fmt: skip
    tensors = [torch.from_numpy(v).float() for v in (profile, 0.03 * profile, 0.05 + 0 * profile)]
    return DetectorCalibration(
        frame_shape=(side, side),
        faults=PixelFaults(**faults),
        offset_counts=0.0,
        counts_per_electron=1.0,
        found_counts_per_electron=1.02,
        counts_per_electron_error=0.01,
        centring=Centring("direct beam", torch.zeros(len(rings)), 1.0, 3.0, smooth),
        ellipse=Ellipse(1.012, 30.0, 0.001),
        mrad_per_pixel=0.505,
        camera=CameraLength(0.5, 0.505, 0.001, "ice", 4),
        background=Background(*tensors, (10, 22), 512, None),
        sampled=800,
        saturated_share=0.0,
        warnings=(),
    )


def overview(path: Path, side: tuple[int, int], centres: NDArray[np.float64]) -> OverviewImage:
    """Counts with dark balls where molecules are, written as MRC."""
    frame = ImageFrame(side, PIXEL)
    rows, columns = np.indices(side)
    mean = np.full(side, 40.0)
    for column, row in frame.to_pixels(centres):
        mean -= 10 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 30)
    counts = np.random.default_rng(1).poisson(mean).astype(np.float32)
    write_stack(path, counts[None], PIXEL)
    return OverviewImage(path, counts, PIXEL, 1.0, 1.6, ())


def picks(side: tuple[int, int], centres: NDArray[np.float64]) -> Picks:
    """Picks at given places, all sure."""
    count, cells, cell = len(centres), (8, 8), PIXEL * side[0] / 8
    return Picks(
        centre_angstrom=centres,
        diameter_angstrom=np.full(count, 40.0),
        score=np.linspace(20, 8, count),
        sure=np.ones(count, bool),
        excluded=np.zeros(cells, bool),
        excluded_pixel_angstrom=cell,
        evidence=np.zeros(cells, np.float32),
        darkness=np.zeros(cells, np.float32),
        evidence_pixel_angstrom=cell,
        frame=ImageFrame(side, PIXEL),
    )


def table(shape: tuple[int, int], hits: NDArray[np.int64], seed: int = 2) -> FrameClasses:
    """A table in which some frames are surely hits and the others are ice, carbon and crystals."""
    count = shape[0] * shape[1]
    generator = np.random.default_rng(seed)
    of_class = generator.choice([1, 2, 3], count, p=[0.9, 0.04, 0.06])
    of_class[hits] = PROTEIN
    probability = np.full((count, len(CLASSES)), 5e-4)
    probability[np.arange(count), of_class] = 1 - 5e-4 * (len(CLASSES) - 1)
    smooth = calibration(shape).centring.smooth.at(np.arange(count))[0]
    scattered = 0.05 + 0.01 * generator.random(count) + 0.03 * (of_class == PROTEIN)
    phase = 300 * (of_class == PROTEIN) + 40 * generator.standard_normal(count)
    return FrameClasses(
        probability=probability,
        features=np.zeros((count, 1), np.float32),
        scattered_fraction=scattered.astype(np.float32),
        position_angstrom=np.zeros((count, 2), np.float32),
        phase_rad_angstrom2=phase.astype(np.float32),
        centre=(smooth + 0.05 * generator.standard_normal((count, 2))).astype(np.float32),
    )


def made_up_scan(
    out: Path, shape: tuple[int, int] = (14, 18), molecules: int = 9, warnings: tuple[str, ...] = ()
) -> MadeUp:
    """Write all that `ingest` writes but the page; of no molecule, what it writes without hits."""
    generator = np.random.default_rng(3)
    side = (
        int((shape[0] * STEP + 300) / PIXEL) // 2 * 2,
        int((shape[1] * STEP + 300) / PIXEL) // 2 * 2,
    )
    points = scan_points(shape, STEP) @ turn(-8.0).T + [30, -20]
    chosen = generator.choice(len(points), molecules, replace=False)
    centres = points[chosen] + generator.uniform(-12, 12, (molecules, 2))
    picked = picks(side, centres)
    distance = np.linalg.norm(points[:, None] - centres, axis=-1)
    near = (distance < 70).any(1) if molecules else np.zeros(len(points), bool)
    frames = table(shape, np.flatnonzero(near))
    hits = choose_hits(frames.probability, 0.99)
    image_path = out.with_name("overview.mrc")
    image = overview(image_path, side, centres)
    registration: Registration | None = None
    matches: Matches | None = None
    if molecules:
        registration = Registration(
            positions_angstrom=points.reshape(*shape, 2),
            standard_error_angstrom=np.full(shape, 4.0),
            scan_to_image_deg=8.0,
            rotation_error_deg=0.1,
            scale=1.002,
            scale_error=0.001,
            shift_angstrom=np.array([30.0, -20.0]),
            drift_angstrom=6.0,
            molecules=molecules,
            score=0.62,
            correlation=0.7,
            chance=0.21,
        )
        matches = match(np.flatnonzero(hits.chosen), registration, picked, SETTINGS)
    settings = SETTINGS.model_copy(
        update={"scan": SETTINGS.scan.model_copy(update={"shape": shape})}
    )
    detector = calibration(shape)
    priors = frames.probability.mean(0)
    findings = Findings(
        settings, ScanInfo(
            out.with_name("scan.mib"), "MIB", None, (48, 48), np.dtype("u2"), ScanSettings()
        ),
        detector, frames, frames.probability, priors, hit_probability(frames.probability), hits,
        hits, image,
        Defocus(2500.0, 40.0, 0.0, 0.0, True, None), picked, registration, None, matches, warnings,
    )  # fmt: skip
    folder = output_folder(out.with_name(f"{out.stem}-ingest"))
    write_calibration(detector, folder / "calibration-0123456789ab.npz")
    write_findings(folder, findings, {}, {"scan.mib": "0" * 64})
    if matches is None:
        return MadeUp(folder, None, image_path, ())
    kept = tuple(int(number) for number in matches.frame[matches.kept])
    _write_store(out, kept, matches)
    return MadeUp(folder, out, image_path, kept)


def _write_store(out: Path, kept: tuple[int, ...], matches: Matches) -> None:
    experiment = Experiment(
        preset="measured",
        box_angstrom=60.0,
        diffraction=DiffractionSettings(max_angle_mrad=8.0, direct_beam_pixels=2.0),
        detector=DetectorSettings(exposure_e_per_a2=100.0),
        wave_pixels=48,
        image_pixels=48,
    )
    side, incident = experiment.diffraction_pixels, 100 * pi / 4 * 60.0**2
    rows, columns = np.indices((side, side)) - side // 2
    radius = np.hypot(rows, columns)
    attributes = observation_attributes(experiment, "molecule", 20.0, {"command": "test"}, incident)
    specs = observation_specs(experiment, len(kept), with_background=True)
    background = 2 * np.exp(-radius / 8)
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({"measured": radius > 2.5, "background": background.astype(np.float32)})
        for item, frame in enumerate(kept):
            generator = np.random.default_rng(frame)
            signal = 4 * np.exp(-radius / 6) * generator.exponential(size=(side, side))
            row = int(np.flatnonzero(matches.frame == frame)[0])
            write_item(
                writer.partial, item,
                {
                    "diffraction": generator.poisson(background + signal).astype(np.uint32),
                    "low_resolution": generator.poisson(30, (48, 48)).astype(np.uint32),
                    "low_resolution_dose": 1.6, "structure": 0, "frame": frame,
                    "scan_position": np.array(divmod(frame, 18)),
                    "molecule": int(matches.molecule[row]),
                    "image_position": matches.position_angstrom[row],
                    "beam_offset": matches.offset_angstrom[row],
                    "beam_centre": np.array([24.0, 24.0]), "background_scale": 1.0,
                    "hit_probability": 0.98,
                },
            )  # fmt: skip
            writer.mark(item)
        writer.finish()


def observations_of(made: MadeUp) -> ObservationStore:
    """Open its observations."""
    assert made.store is not None
    return ObservationStore(made.store)
