"""Train the frame classifier that comes with the package, from prepared proteins to its weights.

    python benchmarks/train_frame_classifier.py --train TRAIN --validation VALIDATION --work WORK
        --out src/diffragan/weights/frames

Simulated scans of many conditions are made once, at the highest exposure; thinned counts, which
stay Poisson's, give the lower ones. What is there is not made again.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from frame_classifier_scans import DIAMETERS, EXPOSURES, exposures_of, simulated, validation_numbers
from numpy.typing import NDArray
from scan_hits_data import SimulatedScan, read_simulated
from torch import nn

from diffragan.acquisition.hits.background import learn_background, spread_frames
from diffragan.acquisition.hits.choose import choose_hits, hit_probability
from diffragan.acquisition.hits.classes import CLASSES, DAMAGED, PROTEIN, SATURATED
from diffragan.acquisition.hits.classify import FrameMeasurer, features_of
from diffragan.acquisition.hits.features import FEATURES
from diffragan.acquisition.hits.network import KIND, PART
from diffragan.acquisition.hits.priors import MOLECULES, adapt_priors
from diffragan.io.checkpoints import Checkpoint, write_checkpoint
from diffragan.io.files import atomic_path, write_text
from diffragan.io.scans.truth import read_truth
from diffragan.models.frame_classifier import FrameClassifier
from diffragan.structures.prepared import read_prepared_many

WIDTH, STEPS, BATCH, RATE, DECAY = 32, 2000, 256, 3e-3, 0.3
"""A larger network, or one that is trained for longer, does not tell hits better on validation."""


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
    scans: int = 96
    validation_scans: int = 16
    workers: int | None = None
    """Threads of the simulation; all cores when left out."""
    seed: int = 12


@dataclass(frozen=True)
class Table:
    """Features of frames."""

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    counted: NDArray[np.bool_]
    exposure: NDArray[np.float32]
    scan: NDArray[np.int64]


def main(arguments: Arguments) -> None:
    sets = []
    for part, (folder, numbers) in enumerate(
        (
            (arguments.train, list(range(arguments.scans))),
            (arguments.validation, validation_numbers(arguments.validation_scans)),
        )
    ):
        proteins = read_prepared_many([folder])
        scans = [
            simulated(proteins, number, arguments.work, arguments.seed, arguments.workers)
            for number in numbers
        ]
        sets.append(table(scans, arguments.seed + part, arguments.work))
    train, validation = sets
    network = trained(train, arguments.seed)
    priors = drawn_priors(train.classes[train.counted])
    calibrate(network, validation, priors)
    report(network, validation, priors)
    write(network, train, arguments)


def table(places: Sequence[Path], seed: int, work: Path) -> Table:
    """Measure every scan at every exposure."""
    parts = []
    for place in places:
        scan_number = int(place.name.split("-")[1])
        for exposure in exposures_of(scan_number):
            kept = work / f"features-{place.name}-{exposure:g}.npz"
            if not kept.is_file():
                scan = read_simulated(place).thinned(exposure, seed)
                found = measured(scan, seed)
                with atomic_path(kept) as unfinished, unfinished.open("wb") as file:
                    np.savez(file, allow_pickle=False, **found)
            with np.load(kept) as arrays:
                parts.append({name: arrays[name] for name in arrays.files} | {"x": exposure})
                parts[-1]["scan"] = np.full(len(arrays["classes"]), scan_number)
                parts[-1]["x"] = np.full(len(arrays["classes"]), exposure, np.float32)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Table(*(joined[name] for name in ("features", "classes", "counted", "x", "scan")))


def measured(scan: SimulatedScan, seed: int) -> dict[str, NDArray[np.generic]]:
    """Measure frames; those with a molecule on the beam's rim are no class's, and do not count."""
    centres = scan.rough_centres(seed)
    chosen = spread_frames(len(centres))
    background = learn_background(scan.frames[chosen], centres[chosen], scan.conditions)
    frames = FrameMeasurer(scan.conditions, background).measure(scan.frames, centres)
    features, _ = features_of(frames, scan.conditions, background, scan.positions)
    return {
        "features": features,
        "classes": scan.classes.astype(np.int64),
        "counted": ~scan.rim & (scan.classes != SATURATED),
    }


def trained(data: Table, seed: int) -> FrameClassifier:
    """Train on frames drawn so that hits and rare classes come often enough."""
    network = FrameClassifier(len(FEATURES), len(CLASSES), WIDTH)
    features = torch.from_numpy(data.features[data.counted])
    classes = torch.from_numpy(data.classes[data.counted])
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
        loss = nn.functional.cross_entropy(logits, classes[chosen])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # as PyTorch has it
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


def calibrate(network: FrameClassifier, data: Table, priors: NDArray[np.float64]) -> None:
    """Find the lowest temperature at which what `choose_hits` keeps is as precise as it says.

    Scans of validation proteins count as they are and with fewer molecules: real ones hold few.
    """
    with torch.no_grad():
        logits = network(torch.from_numpy(data.features)).double().numpy()
    for temperature in TEMPERATURES:
        network.temperature.fill_(temperature)
        kept = right = 0
        for share, draws in RARITIES:
            for draw in range(draws):
                chosen = thinned(data, share, draw)
                counts = kept_hits(logits / temperature, data, priors, chosen)
                kept, right = kept + counts[0], right + counts[1]
        if right >= PRECISION * kept:
            return


def kept_hits(
    logits: NDArray[np.float64],
    data: Table,
    priors: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> tuple[int, int]:
    """Count the frames that are kept of those that count, and the hits among them."""
    kept = right = 0
    probability = torch.softmax(torch.from_numpy(logits), 1).numpy()
    hit = np.isin(data.classes, (PROTEIN, DAMAGED))
    for own in each_scan(data, chosen):
        adapted, _ = adapt_priors(probability[own], priors)
        found = choose_hits(adapted, PRECISION).chosen & data.counted[own]
        kept, right = kept + int(found.sum()), right + int((found & hit[own]).sum())
    return kept, right


def each_scan(data: Table, chosen: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """Yield the chosen frames of every scan at every exposure."""
    for number in np.unique(data.scan):
        for exposure in np.unique(data.exposure[data.scan == number]):
            own = chosen & (data.scan == number) & (data.exposure == exposure)
            if own.any():
                yield own


PRECISION = 0.95
TEMPERATURES = tuple(np.geomspace(0.4, 1.6, 15).tolist())
RARITIES = ((1.0, 1), (0.15, 3), (0.05, 3))
"""Shares of the frames with a molecule that stay, and how often they are drawn."""
FAINTEST_CALIBRATED = 10.0
"""Below, hardly a hit is told [e/Å2]."""


def thinned(data: Table, share: float, draw: int) -> NDArray[np.bool_]:
    """Frames of a table of which some of those with a molecule are left out."""
    molecule = np.isin(data.classes, np.flatnonzero(MOLECULES)) | ~data.counted
    stays = np.random.default_rng(draw).random(len(molecule)) < share
    return (~molecule | stays) & (data.exposure >= FAINTEST_CALIBRATED)


def adapted_hits(
    logits: NDArray[np.float64],
    data: Table,
    priors: NDArray[np.float64],
    chosen: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float32]]:
    """Probability of a hit, whether it is one, and exposure of all frames that count.

    Every scan is adapted by itself, its frames on the rim among the others, as `ingest` does.
    """
    told, true, exposures = [], [], []
    hit = np.isin(data.classes, (PROTEIN, DAMAGED))
    probability = torch.softmax(torch.from_numpy(logits), 1).numpy()
    everything = np.ones(len(hit), dtype=bool)
    for own in each_scan(data, everything if chosen is None else chosen):
        adapted, _ = adapt_priors(probability[own], priors)
        counted = data.counted[own]
        told.append(hit_probability(adapted)[counted])
        true.append(hit[own][counted])
        exposures.append(data.exposure[own][counted])
    return np.concatenate(told), np.concatenate(true), np.concatenate(exposures)


def report(network: FrameClassifier, data: Table, priors: NDArray[np.float64]) -> None:
    """Print how good and how honest the probabilities are on proteins that were not trained on."""
    with torch.no_grad():
        logits = network(torch.from_numpy(data.features)).double().numpy()
    told, true, exposures = adapted_hits(logits, data, priors)
    print(f"temperature {float(network.temperature):.2f}")
    for exposure in sorted(set(exposures.tolist())):
        own = exposures == exposure
        hits = true[own][np.argsort(-told[own])]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        recall = np.cumsum(hits) / max(int(hits.sum()), 1)
        best = recall[precision >= PRECISION].max(initial=0.0)
        mean = precision[hits].mean() if hits.any() else 0.0
        print(
            f"{exposure:6g} e/A2: {hits.sum()} hits among {len(hits)}, average precision "
            f"{mean:.2f}, recall at precision 0.95: {best:.2f}"
        )
    for share, draws in RARITIES:
        parts = [
            adapted_hits(logits, data, priors, thinned(data, share, draw)) for draw in range(draws)
        ]
        told = np.concatenate([part[0] for part in parts])
        true = np.concatenate([part[1] for part in parts])
        print(f"with {share:g} of the molecules: told, true, frames")
        for low, high in itertools.pairwise(RELIABILITY_EDGES):
            own = (told >= low) & (told < high)
            if own.any():
                print(f"{told[own].mean():.3f}  {true[own].mean():.3f}  {own.sum()}")


RELIABILITY_EDGES = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.01)


def write(network: FrameClassifier, data: Table, arguments: Arguments) -> None:
    described = {
        "kind": KIND,
        "features": list(FEATURES),
        "classes": list(CLASSES),
        "width": WIDTH,
        "priors": drawn_priors(data.classes[data.counted]).tolist(),
        "training": {
            "scans": arguments.scans,
            "frames": int(data.counted.sum()),
            "hits": int((data.counted & (data.classes == PROTEIN)).sum()),
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
    card = arguments.out / "README.md"
    words = card.read_text(encoding="utf-8") if card.is_file() else None
    write_checkpoint(arguments.out, Checkpoint({PART: dict(network.state_dict())}, described))
    if words is not None:  # the folder was replaced
        write_text(card, words)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
