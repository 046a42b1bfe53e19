"""How fast triplets are simulated, beside abTEM computing the same waves: `make bench`.

Prints orientations a second of one process on one thread, for OpenMM's villin headpiece. abTEM
computes on a grid refined to 0.07 Å, where its placement of atoms is as accurate as ours.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from diffragan.config.load import load_experiment
from diffragan.simulation.orientations import item_generator, posed, random_pose
from diffragan.simulation.triplet import ENGINES, simulate_triplet
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared

SEED = 0
REPEATS = 8


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        prepared = read_prepared(write_preparation(prepare_structure(villin_path()), Path(folder)))
    atoms = len(prepared.model.positions)
    print(f"{prepared.name}: {atoms} atoms, {REPEATS} orientations, seed {SEED}")
    print(f"{'preset':<8} {'engine':<6} {'s/orientation':>14} {'orientations/s':>15}")
    for preset in ("quick", "paper"):
        experiment = load_experiment(preset)
        for engine in ("torch", "abtem"):
            seconds = []
            for orientation in range(REPEATS + 1):
                generator = item_generator(SEED, prepared.sha256, orientation)
                model = posed(prepared.model, random_pose(prepared.model, generator))
                start = time.perf_counter()
                simulate_triplet(model, experiment, generator, ENGINES[engine])
                seconds.append(time.perf_counter() - start)
            median = float(np.median(seconds[1:]))  # the first one compiles and fills caches
            print(f"{preset:<8} {engine:<6} {median:>14.3f} {1 / median:>15.1f}")


if __name__ == "__main__":
    main()
