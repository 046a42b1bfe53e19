"""Images a second of a training step, and the share of it that goes by waiting for views.

`python benchmarks/training_throughput.py` trains each preset by the command's own loop for a
few steps on views of OpenMM's villin headpiece, in a process of its own, so that the most memory
held is that of the preset. Give `--presets`, `--steps`, `--batch`, `--accumulate`, `--precision`,
`--data` (another data set) and `--out` (JSON).
"""

import argparse
import json
import multiprocessing
import tempfile
from pathlib import Path
from typing import Any

import torch

from diffragan.config.load import load_experiment, load_training
from diffragan.device import choose_device
from diffragan.io.files import write_json
from diffragan.io.machine import cores, cpu_model, peak_memory_bytes
from diffragan.io.training_log import read_log
from diffragan.simulation.dataset import simulate_dataset
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import read_prepared
from diffragan.training.loop import train

VIEWS = 32


def villin_views(folder: Path) -> Path:
    """Simulate views in the paper's experiment."""
    molecule = read_prepared(write_preparation(prepare_structure(villin_path()), folder))
    experiment = load_experiment("paper", overrides={"orientations": VIEWS})
    return simulate_dataset([molecule], experiment, 0, folder / "views.zarr")


def measure(preset: str, data: Path, steps: int, changes: dict[str, Any]) -> dict[str, Any]:
    """Train for twice `steps`, and return what the second half measured."""
    device = choose_device("auto")
    lasting = {"steps": 2 * steps, "validate_every": steps, "checkpoint_every": 2 * steps}
    # Every view is read from the data set, as in a run whose views do not fit into memory.
    reading = {"memory_limit_mb": 0, "validation_views": 1}
    settings = load_training(preset, overrides={**lasting, **reading, **changes})
    with tempfile.TemporaryDirectory() as folder:
        train(data, settings, Path(folder) / "run", device=device)
        row = read_log(Path(folder) / "run" / "training.csv", 2 * steps)[-1]
    return {
        "preset": preset,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "pixels": settings.generator.pixels,
        "batch": settings.batch,
        "accumulate": settings.accumulate,
        "precision": settings.precision,
        "steps": steps,
        "images_per_second": float(row["images_per_second"]),
        "waiting_for_data": float(row["waiting_for_data"]),
        "peak_memory_gb": peak_memory_bytes() / 1e9,
        "peak_gpu_memory_gb": torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["paper-small", "paper"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--accumulate", type=int)
    parser.add_argument("--precision")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    named = {name: getattr(given, name) for name in ("batch", "accumulate", "precision")}
    changes = {name: value for name, value in named.items() if value is not None}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        data = given.data or villin_views(Path(folder))
        context = multiprocessing.get_context("spawn")
        for preset in given.presets:
            with context.Pool(1) as pool:
                results.append(pool.apply(measure, (preset, data, given.steps, changes)))
            print(json.dumps(results[-1], indent=1))
    if given.out is not None:
        write_json(given.out, {"cpu": cpu_model(), "cores": cores(), "results": results})


if __name__ == "__main__":
    main()
