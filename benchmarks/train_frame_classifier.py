"""Train the frame classifier that comes with the package, from prepared proteins to its weights.

    python benchmarks/train_frame_classifier.py --train TRAIN --validation VALIDATION --work WORK
        --out src/diffragan/weights/frames

Simulated scans of many conditions are made once, at the highest exposure; thinned counts, which
stay Poisson's, give the lower ones. Half of the time frames are seen without their neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from scan_hits_data import SimulatedScan, read_simulated
from torch import nn

from diffragan.acquisition.hits.background import learn_background, spread_frames
from diffragan.acquisition.hits.choose import hit_probability
from diffragan.acquisition.hits.classes import CLASSES, DAMAGED, PROTEIN, SATURATED
from diffragan.acquisition.hits.classify import FrameMeasurer, features_of
from diffragan.acquisition.hits.features import FEATURES
from diffragan.acquisition.hits.network import KIND, PART
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.electron import Electron
from diffragan.io.checkpoints import Checkpoint, write_checkpoint
from diffragan.io.scans.truth import read_truth
from diffragan.models.frame_classifier import FrameClassifier
from diffragan.simulation.scan.run import simulate_scan
from diffragan.structures.prepared import PreparedStructure, read_prepared_many

EXPOSURES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
SCAN_EXPOSURES = ((1.0, 10.0, 100.0, 1000.0), (3.0, 30.0, 100.0, 300.0))
"""Of even scans and of odd ones."""
DIAMETERS = (100.0, 150.0, 100.0, 200.0, 100.0, 120.0, 300.0, 100.0, 180.0, 100.0, 240.0, 100.0)
WIDTH, STEPS, BATCH, RATE, DECAY = 32, 3000, 256, 3e-3, 3e-2
LABEL_SMOOTHING = 0.01
HEAVIEST_KDA = 64.0
HEAVIEST_IN_NARROW_KDA = 35.0


@dataclass(frozen=True)
class Arguments:
    """Of the command."""

    train: Path
    """Folder of prepared training proteins."""
    validation: Path
    """Folder of prepared validation proteins, for the temperature alone."""
    work: Path
    """Folder for simulated scans and features; what is there is not made again."""
    out: Path = Path("src/diffragan/weights/frames")
    scans: int = 24
    validation_scans: int = 6
    seed: int = 12


@dataclass(frozen=True)
class Table:
    """Features of frames."""

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    exposure: NDArray[np.float32]
    scan: NDArray[np.int64]


def main(arguments: Arguments) -> None:
    sets = []
    for part, (folder, count, first) in enumerate(
        (
            (arguments.train, arguments.scans, 0),
            (arguments.validation, arguments.validation_scans, 1000),
        )
    ):
        proteins = read_prepared_many([folder])
        scans = []
        for number in range(first, first + count):
            place = arguments.work / f"scan-{number}"
            if not (place / "truth.json").is_file():
                settings = experiment(number, arguments.seed)
                chosen = some_proteins(proteins, settings, number, arguments.seed)
                seed = 1000 * arguments.seed + number
                simulate_scan(chosen, settings, seed, place, formats=("mib",))
            scans.append(place)
        sets.append(table(scans, arguments.seed + part, arguments.work))
    train, validation = sets
    network = trained(train, arguments.seed)
    calibrate(network, validation)
    report(network, validation)
    write(network, train, arguments)


def experiment(number: int, seed: int) -> ScanSimulation:
    """Draw the conditions of one scan."""
    random = np.random.default_rng([seed, number])
    diameter = DIAMETERS[number % len(DIAMETERS)]
    edge = float(random.uniform(0.02, 0.04) * diameter)
    box = (diameter + 6 * edge) * float(random.uniform(1.02, 1.3))
    return ScanSimulation.model_validate(
        {
            "beam": {
                "probe_diameter_angstrom": diameter,
                "probe_edge_angstrom": edge,
                "convergence_mrad": float(random.choice([0, 0.02, 0.04])),
            },
            "field": {
                "molecules": 40,
                "paired_fraction": 0.2,
                "damaged_fraction": 0.15,
                "hole_radius_angstrom": 3 * diameter,
                "ice_thickness_angstrom": float(random.choice([180, 250, 300, 400])),
                "ice_spread_angstrom": float(random.uniform(20, 70)),
                "ice_variation_angstrom": float(random.uniform(6, 14) * diameter),
                "carbon_share": 0.07,
                "contaminations": 2,
                "contamination_radius_angstrom": 0.8 * diameter,
                "ice_crystals": 5,
                "ice_crystal_radius_angstrom": 0.8 * diameter,
                "ice_tile_angstrom": 100,
                "ice_tile_thickness_angstrom": 50,
            },
            "path": {
                "shape": (24, 30),
                "step_angstrom": 0.4 * diameter,
                "drift_angstrom": 0.3 * diameter,
                "wander_pixels": float(random.uniform(0.5, 3)),
                "centre_jitter_pixels": float(random.uniform(0.02, 0.1)),
            },
            "camera": {
                "pixels": 128,
                "mrad_per_pixel": Electron(200).angle_mrad(1 / box),
                "exposure_error": float(random.uniform(-0.05, 0.05)),
                "camera_length_error": float(random.uniform(-0.01, 0.01)),
                "ellipticity": float(random.uniform(0, 0.015)),
                "flash_fraction": 0.0,
                "detector": {
                    "exposure_e_per_a2": max(EXPOSURES),
                    "point_spread_pixels": float(random.choice([0, 0.3, 0.5])),
                    "dead_pixel_fraction": 0.0005,
                },
            },
            "image": {"pixel_angstrom": 10, "margin_angstrom": 700, "offset_angstrom": (0, 0)},
        }
    )


def some_proteins(
    proteins: Sequence[PreparedStructure], settings: ScanSimulation, number: int, seed: int
) -> list[PreparedStructure]:
    """Draw eight proteins that fit the beam."""
    diameter = settings.beam.probe_diameter_angstrom
    assert diameter is not None
    heaviest = HEAVIEST_IN_NARROW_KDA if diameter <= 120 else HEAVIEST_KDA
    fitting = [protein for protein in proteins if protein.mass_kda <= heaviest]
    order = np.random.default_rng([seed, number, 1]).permutation(len(fitting))
    return [fitting[place] for place in order[:8]]


def table(places: Sequence[Path], seed: int, work: Path) -> Table:
    """Measure every scan at every exposure."""
    parts = []
    for place in places:
        scan_number = int(place.name.split("-")[1])
        for number, exposure in enumerate(SCAN_EXPOSURES[scan_number % 2]):
            kept = work / f"features-{place.name}-{exposure:g}.npz"
            if not kept.is_file():
                scan = read_simulated(place).thinned(exposure, seed)
                np.savez(kept, **measured(scan, seed, alone=(number + scan_number // 2) % 2 == 1))
            with np.load(kept) as arrays:
                parts.append({name: arrays[name] for name in arrays.files} | {"x": exposure})
                parts[-1]["scan"] = np.full(len(arrays["classes"]), scan_number)
                parts[-1]["x"] = np.full(len(arrays["classes"]), exposure, np.float32)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Table(joined["features"], joined["classes"], joined["x"], joined["scan"])


def measured(scan: SimulatedScan, seed: int, *, alone: bool) -> dict[str, NDArray[np.generic]]:
    """Measure frames that count: those with a molecule on the beam's rim belong nowhere."""
    centres = scan.rough_centres(seed)
    chosen = spread_frames(len(centres))
    background = learn_background(scan.frames[chosen], centres[chosen], scan.conditions)
    frames = FrameMeasurer(scan.conditions, background).measure(scan.frames, centres)
    positions = None if alone else scan.positions
    features, _ = features_of(frames, scan.conditions, background, positions)
    used = ~scan.rim & (scan.classes != SATURATED)
    return {"features": features[used], "classes": scan.classes[used].astype(np.int64)}


def trained(data: Table, seed: int) -> FrameClassifier:
    """Train on frames drawn so that hits and rare classes come often enough."""
    network = FrameClassifier(len(FEATURES), len(CLASSES), WIDTH)
    features = torch.from_numpy(data.features)
    classes = torch.from_numpy(data.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in network.layers:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()
    network.centre.copy_(features.mean(0))
    network.scale.copy_(features.std(0).clamp(min=1e-2))
    random = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    weight = sampling_weights(classes)
    for _ in range(STEPS):
        chosen = torch.multinomial(weight, BATCH, replacement=True, generator=random)
        noise = 0.05 * torch.randn(BATCH, len(FEATURES), generator=random) * network.scale
        logits = network(features[chosen] + noise)
        loss = nn.functional.cross_entropy(logits, classes[chosen], label_smoothing=LABEL_SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval()


def sampling_weights(classes: torch.Tensor) -> torch.Tensor:
    """Chance of each frame to be drawn: classes by the root of their number."""
    counts = torch.bincount(classes, minlength=len(CLASSES)).clamp(min=1).double()
    return (1 / counts.sqrt())[classes]


def drawn_priors(classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shares of the classes among the frames that training drew."""
    weight = sampling_weights(torch.from_numpy(classes)).numpy()
    shares = np.bincount(classes, weight, minlength=len(CLASSES)) + 1e-3 * weight.sum()
    return np.asarray(shares / shares.sum())


def calibrate(network: FrameClassifier, data: Table) -> None:
    """Find the temperature under which the validation set's frames are likeliest."""
    features, classes = torch.from_numpy(data.features), torch.from_numpy(data.classes)
    weight = sampling_weights(classes)
    with torch.no_grad():
        logits = network(features).double()
        losses = [
            float(
                (weight * nn.functional.cross_entropy(logits / t, classes, reduction="none")).sum()
            )
            for t in TEMPERATURES
        ]
        network.temperature.fill_(TEMPERATURES[int(np.argmin(losses))])


TEMPERATURES = tuple(np.geomspace(0.5, 4, 61).tolist())


def report(network: FrameClassifier, data: Table) -> None:
    """Print how good and how honest the probabilities are on proteins that were not trained on."""
    with torch.no_grad():
        logits = network(torch.from_numpy(data.features)).double()
    told = hit_probability(torch.softmax(logits, 1).numpy())
    true = np.isin(data.classes, (PROTEIN, DAMAGED))
    print(f"temperature {float(network.temperature):.2f}")
    for exposure in EXPOSURES:
        own = data.exposure == exposure
        order = np.argsort(-told[own])
        hits = np.cumsum(true[own][order])
        precision = hits / np.arange(1, len(hits) + 1)
        recall = hits / max(hits[-1], 1)
        best = recall[precision >= 0.95].max(initial=0.0)
        print(f"{exposure:6g} e/A2: {hits[-1]} hits, recall at precision 0.95: {best:.2f}")


def write(network: FrameClassifier, data: Table, arguments: Arguments) -> None:
    described = {
        "kind": KIND,
        "features": list(FEATURES),
        "classes": list(CLASSES),
        "width": WIDTH,
        "priors": drawn_priors(data.classes).tolist(),
        "training": {
            "scans": arguments.scans,
            "frames": len(data.classes),
            "hits": int((data.classes == PROTEIN).sum()),
            "exposures_e_per_a2": EXPOSURES,
            "beam_diameters_angstrom": sorted(set(DIAMETERS)),
            "steps": STEPS,
            "seed": arguments.seed,
            "proteins": sorted(
                {
                    name
                    for number in range(arguments.scans)
                    for name in read_truth(arguments.work / f"scan-{number}").structures
                }
            ),
        },
    }
    write_checkpoint(arguments.out, Checkpoint({PART: dict(network.state_dict())}, described))


if __name__ == "__main__":
    main(tyro.cli(Arguments))
