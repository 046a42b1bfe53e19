"""How many views a second a training stream gives: `python benchmarks/stream_speed.py`.

Measures a stream of OpenMM's villin headpiece in this process and from worker processes, and the
most memory that a worker has held. Give `--preset`, `--workers` (several numbers), `--batches`.
"""

import argparse
import multiprocessing
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psutil

from diffragan.config.experiment import Experiment
from diffragan.config.load import load_experiment
from diffragan.config.stream import StreamSettings
from diffragan.device import choose_device
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_loader import stream_loader
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

VARIED = StreamSettings(
    batch=8,
    low_resolution_dose_e_per_a2=(10, 1000),
    low_resolution_defocus_angstrom=(500, 1500),
    diffraction_exposure_e_per_a2=(100, 10_000),
)


def villin() -> PreparedStructure:
    with tempfile.TemporaryDirectory() as folder:
        return read_prepared(write_preparation(prepare_structure(villin_path()), Path(folder)))


def measure(
    molecule: PreparedStructure, experiment: Experiment, device: str, workers: int, batches: int
) -> tuple[float, float, float]:
    """Return views a second, seconds to the first batch, and a process's memory [GB]."""
    stream = TripletStream([molecule], experiment, VARIED, seed=0, device=device)
    asked = time.perf_counter()
    with closing(stream_loader(stream, workers)) as made:
        # What workers made ahead is no measure of their rate.
        for _ in range(1 + 2 * workers):
            next(made)
            first = time.perf_counter()
        for _ in range(batches):
            next(made)
        rate = batches * VARIED.batch / (time.perf_counter() - first)
        processes = [child.pid for child in multiprocessing.active_children()] or [None]
        memory = max(psutil.Process(pid).memory_info().rss for pid in processes)
    return rate, first - asked, memory / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=20)
    given = parser.parse_args()
    molecule, experiment = villin(), load_experiment(given.preset)
    print(f"preset {given.preset}, {len(molecule.model.positions)} atoms, seed 0")
    print(f"{'workers':>7} {'views/s':>8} {'start [s]':>10} {'memory of one process [GB]':>27}")
    for workers in given.workers:
        rate, start, memory = measure(
            molecule, experiment, choose_device(given.device), workers, given.batches
        )
        print(f"{workers:>7} {rate:>8.1f} {start:>10.1f} {memory:>27.2f}")


if __name__ == "__main__":
    main()
