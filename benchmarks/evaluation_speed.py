"""How long judging takes: `python benchmarks/evaluation_speed.py --workers 2`.

Judges 1,078 views of OpenMM's villin headpiece in the paper's setting (images of 256 x 256) by the
protocol `paper`. A few views are simulated and repeated, which costs judging as much as if all
differed. Says wall time, processor time and the most memory held.

`--proteins 25 --pixels 64 --report` judges as many views as the paper has, of proteins that are one
protein under many names, at a size that takes minutes, and draws the figures and the page too.
"""

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.evaluation.figures import draw_figures
from diffragan.evaluation.paper.of_evaluation import draw_paper_figures
from diffragan.evaluation.protocol import evaluate
from diffragan.evaluation.report import write_report
from diffragan.io.phased import KIND as PHASED
from diffragan.io.phased import PhasedStore, phased_attributes, phased_specs
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import KIND as TRIPLETS
from diffragan.io.triplets import TripletStore, triplet_specs
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared

SIMULATED = 8
"""Views of each protein that are simulated; all others are copies."""
COARSE_ANGLE_MRAD = 10.0
"""Of patterns where images are smaller than the paper's."""
NOISE = 0.3
"""Of the made-up result, as a share of the true wave's root mean square."""


def original(item: int, views: int) -> int:
    """Item of the few that an item of the many is a copy of, with so many views of a protein."""
    protein, view = divmod(item, views)
    return protein * SIMULATED + view % SIMULATED


def repeated(data: TripletStore, out: Path, views: int) -> TripletStore:
    """Write a data set of many views of each protein from one of a few."""
    count = len(data) // SIMULATED * views
    specs = triplet_specs(data.experiment, count, data.read("atom_number").size)
    attributes = {k: v for k, v in data.store.attributes.items() if k not in {"format", "kind"}}
    names = [name for name, spec in specs.items() if spec.per_item]
    items = {name: data.read(name) for name in names}
    with StoreWriter(out, TRIPLETS, specs, attributes) as writer:
        whole = [n for n, s in specs.items() if not s.per_item and s.values is None]
        writer.write_whole({name: data.read(name) for name in whole})
        fill(writer, count, lambda i: {n: v[original(i, views)] for n, v in items.items()})
    return TripletStore(out)


def made_up(data: TripletStore, few: TripletStore, out: Path, views: int) -> PhasedStore:
    """Write a result that is the truth with noise."""
    random = np.random.default_rng(0)
    waves, images = few.read("exit_wave"), few.read("high_resolution")
    noise = random.normal(size=(2, *waves.shape)) * np.abs(waves).std() * NOISE
    waves = (waves + noise[0] + 1j * noise[1]).astype(np.complex64)
    poses = {name: few.read(name) for name in ("structure", "orientation", "shift")}
    attributes = phased_attributes(
        "made-up", data.store.path, data.identity, data.store.attributes, {}
    )

    def item(number: int) -> dict[str, Any]:
        row = original(number, views)
        return {
            "wave": waves[row],
            "image": images[row],
            "energy_outside_support": 0.0,
            "source_item": number,
            **{name: values[row] for name, values in poses.items()},
        }

    with StoreWriter(out, PHASED, phased_specs(data.experiment, len(data)), attributes) as writer:
        fill(writer, len(data), item)
    return PhasedStore(out)


def fill(writer: StoreWriter, count: int, arrays: Any) -> None:
    for item in range(count):
        write_item(writer.partial, item, arrays(item))
        writer.mark(item)
    writer.finish()


def experiment_of(pixels: int) -> Experiment:
    """Return the paper's experiment, with smaller patterns where images are smaller."""
    given: dict[str, Any] = {"orientations": SIMULATED}
    paper = load_experiment("paper", overrides=given)
    if pixels == paper.image_pixels:
        return paper
    coarse = {"diffraction": {"max_angle_mrad": COARSE_ANGLE_MRAD}}
    return load_experiment(
        "paper-128", overrides={**given, **coarse, "wave_pixels": pixels, "image_pixels": pixels}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1078, help="of each protein")
    parser.add_argument("--proteins", type=int, default=1)
    parser.add_argument("--pixels", type=int, default=256, help="side of the images")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--report", action="store_true", help="draw figures and page as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
        experiment = experiment_of(given.pixels)
        molecules = [replace(molecule, name=f"villin-{n}") for n in range(given.proteins)]
        few = TripletStore(
            simulate_dataset(molecules, experiment, 0, folder / "few.zarr", workers=1)
        )
        data = repeated(few, folder / "data.zarr", given.views)
        phased = made_up(data, few, folder / "phased.zarr", given.views)
        held = resource.getrusage(resource.RUSAGE_SELF)
        began = time.perf_counter()
        metrics = evaluate(data, [phased], folder / "out", protocol="paper", workers=given.workers)
        if given.report:
            figures = draw_figures(data, [phased], metrics, folder / "out")
            draw_paper_figures(data, [phased], metrics, folder / "out", workers=given.workers)
            write_report(metrics, figures, folder / "out", "speed of judging")
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        views = len(data)
    processor = after.ru_utime + after.ru_stime - held.ru_utime - held.ru_stime
    print(
        f"{views:,} views of {experiment.image_pixels} x {experiment.image_pixels} pixels, "
        f"{given.proteins} protein{'' if given.proteins == 1 else 's'}: "
        f"{wall:.0f} s, {processor:.0f} s of processor time, "
        f"{1e3 * processor / views:.0f} ms a view; at most {after.ru_maxrss / 1e6:.2f} GB "
        f"({held.ru_maxrss / 1e6:.2f} GB before)"
    )


if __name__ == "__main__":
    main()
