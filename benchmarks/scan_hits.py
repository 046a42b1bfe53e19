"""Judge the hits of a simulated scan against its truth, at several exposures.

    python benchmarks/scan_hits.py SCAN_FOLDER --out hits.json --exposures 10 30 100

One molecule wholly within the flat part of the beam is a hit, damaged or not; one on the rim is
neither a hit nor none.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tyro
from scan_hits_data import SimulatedScan, read_simulated

from diffragan.acquisition.hits.background import learn_background, spread_frames
from diffragan.acquisition.hits.choose import choose_hits, hit_probability
from diffragan.acquisition.hits.classify import FrameMeasurer, classify_measured
from diffragan.acquisition.hits.network import read_network
from diffragan.acquisition.hits.priors import adapt_priors
from diffragan.io.files import write_json


@dataclass(frozen=True)
class Arguments:
    """Of the command."""

    folder: tyro.conf.Positional[Path]
    out: Path
    exposures: tuple[float, ...] = (10.0, 30.0, 100.0)
    precision: float = 0.95
    frames: int | None = None
    """Only the first ones, in whole rows; all when left out."""
    seed: int = 0


def main(arguments: Arguments) -> None:
    scan = read_simulated(arguments.folder)
    if arguments.frames is not None:
        scan = first_frames(scan, arguments.frames)
    rows = [
        judged(scan.thinned(exposure, arguments.seed), arguments)
        for exposure in arguments.exposures
        if exposure <= scan.conditions.exposure_e_per_a2
    ]
    for row in rows:
        print(row)
    write_json(arguments.out, {"scan": arguments.folder.name, "rows": rows})


def first_frames(scan: SimulatedScan, frames: int) -> SimulatedScan:
    return replace(
        scan,
        frames=scan.frames[:frames],
        positions=scan.positions[:frames],
        centres=scan.centres[:frames],
        classes=scan.classes[:frames],
        hit=scan.hit[:frames],
        rim=scan.rim[:frames],
    )


def judged(scan: SimulatedScan, arguments: Arguments) -> dict[str, float]:
    """Precision and recall of the chosen hits, and of the best threshold."""
    centres = scan.rough_centres(arguments.seed)
    chosen = spread_frames(len(centres))
    background = learn_background(scan.frames[chosen], centres[chosen], scan.conditions)
    measured = FrameMeasurer(scan.conditions, background).measure(scan.frames, centres)
    network = read_network()
    found = classify_measured(
        measured, scan.conditions, background, positions=scan.positions, network=network
    )
    probability, _ = adapt_priors(found.probability, network.priors)
    counted = ~scan.rim
    hits = choose_hits(probability, arguments.precision)
    kept = hits.chosen & counted
    told = hit_probability(probability)[counted]
    true = scan.hit[counted][np.argsort(-told)]
    precision = np.cumsum(true) / np.arange(1, len(true) + 1)
    recall = np.cumsum(true) / max(int(true.sum()), 1)
    good = recall[precision >= arguments.precision]
    return {
        "exposure_e_per_a2": scan.conditions.exposure_e_per_a2,
        "frames": len(scan.frames),
        "hits": int(scan.hit.sum()),
        "on_the_rim": int(scan.rim.sum()),
        "chosen": int(hits.chosen.sum()),
        "chosen_on_the_rim": int((hits.chosen & scan.rim).sum()),
        "precision": float(scan.hit[kept].mean()) if kept.any() else 1.0,
        "recall": float((hits.chosen & scan.hit).sum() / max(int(scan.hit.sum()), 1)),
        "expected_precision": hits.expected_precision,
        "expected_recall": hits.expected_recall,
        "best_recall_at_precision": float(good.max()) if len(good) else 0.0,
        "average_precision": float(precision[true].mean()) if true.any() else 0.0,
    }


if __name__ == "__main__":
    main(tyro.cli(Arguments))
