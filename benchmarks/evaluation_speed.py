"""How long judging takes: `python benchmarks/evaluation_speed.py --workers 2`.

Judges 1,078 views of OpenMM's villin headpiece in the paper's setting (images of 256 x 256) by the
protocol `paper`. A few views are simulated and repeated, which costs judging as much as if all
differed. Says wall time, processor time and the most memory held. Give `--views`, `--workers`.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from diffragan.config.load import load_experiment
from diffragan.evaluation.protocol import evaluate
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
NOISE = 0.3
"""Of the made-up result, as a share of the true wave's root mean square."""


def repeated(data: TripletStore, out: Path, views: int) -> TripletStore:
    """Write a data set of many views from one of a few."""
    specs = triplet_specs(data.experiment, views, data.read("atom_number").size)
    attributes = {k: v for k, v in data.store.attributes.items() if k not in {"format", "kind"}}
    names = [name for name, spec in specs.items() if spec.per_item]
    items = {name: data.read(name) for name in names}
    with StoreWriter(out, TRIPLETS, specs, attributes) as writer:
        whole = [n for n, s in specs.items() if not s.per_item and s.values is None]
        writer.write_whole({name: data.read(name) for name in whole})
        fill(writer, views, lambda item: {n: v[item % SIMULATED] for n, v in items.items()})
    return TripletStore(out)


def made_up(data: TripletStore, few: TripletStore, out: Path) -> PhasedStore:
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
        row = number % SIMULATED
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--views", type=int, default=1078)
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
        experiment = load_experiment("paper", overrides={"orientations": SIMULATED})
        few = TripletStore(
            simulate_dataset([molecule], experiment, 0, folder / "few.zarr", workers=1)
        )
        data = repeated(few, folder / "data.zarr", given.views)
        phased = made_up(data, few, folder / "phased.zarr")
        before = resource.getrusage(resource.RUSAGE_SELF)
        began = time.perf_counter()
        evaluate(data, [phased], folder / "out", protocol="paper", workers=given.workers)
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{given.views} views of {experiment.image_pixels} x {experiment.image_pixels} pixels: "
        f"{wall:.0f} s, {processor:.0f} s of processor time, "
        f"{1e3 * processor / given.views:.0f} ms a view; at most {after.ru_maxrss / 1e6:.2f} GB"
    )


if __name__ == "__main__":
    main()
