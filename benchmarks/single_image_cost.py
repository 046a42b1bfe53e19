"""What phasing a view costs: the network alone, and the hybrid by each effort.

Each is timed in a process of its own, whose peak memory is then its own, on observations that are
already read. One batch goes before, for what is made once. Run:
python benchmarks/single_image_cost.py DATA.zarr --views 8 --out cost.json
[--weights RUN] [--device cuda] [--efforts quick normal]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from diffragan.device import choose_device
from diffragan.errors import DiffraganError, InputError
from diffragan.io.files import write_json
from diffragan.io.machine import cores, cpu_model, peak_memory_bytes
from diffragan.io.triplets import TripletStore
from diffragan.phasing.dataset import BATCH
from diffragan.phasing.hybrid_settings import EFFORTS
from diffragan.phasing.protocol import read_observations
from diffragan.phasing.registry import make_phaser

GB = 1e9
Asked = tuple[str, dict[str, Any]]


def spread_items(count: int, views: int) -> list[int]:
    """Choose views evenly over a data set, so that all its proteins are among them."""
    return [count * place // views for place in range(min(views, count))]


def batches(items: Sequence[int]) -> Iterator[Sequence[int]]:
    """Part items as `diffragan phase` does."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def measure(
    asked: Asked, data: Path, items: Sequence[int], weights: Path | None, device: str
) -> dict[str, Any]:
    """Phase views, and return what it cost; to be run in a process of its own."""
    method, settings = asked
    phaser = make_phaser(method, settings, weights, device)
    store = TripletStore(data)
    read = [read_observations(store, batch, device) for batch in batches(items)]
    # A short run of the same kind makes plans and buffers, in the shapes that are timed.
    short = {"iterations": 1, "coarse_iterations": 1} if method == "hybrid" else {}
    make_phaser(method, {**settings, **short}, weights, device).phase(read[0])
    _wait(device)
    began, used = time.perf_counter(), time.process_time()
    for observations in read:
        phaser.phase(observations)
    _wait(device)
    gpu = torch.cuda.max_memory_allocated() / GB if device.startswith("cuda") else None
    return {
        "what": " ".join([method, *map(str, settings.values())]),
        "seconds_per_view": (time.perf_counter() - began) / len(items),
        "cpu_seconds_per_view": (time.process_time() - used) / len(items),
        "peak_memory_gb": peak_memory_bytes() / GB,
        "peak_gpu_memory_gb": gpu,
    }


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def study(given: argparse.Namespace) -> dict[str, Any]:
    """Measure every phaser that is asked for."""
    if given.views < 1:
        raise InputError(f"--views {given.views}: use 1 or more")
    device = choose_device(given.device)
    store = TripletStore(given.data)
    items = spread_items(len(store), given.views)
    load = os.getloadavg()[0]
    rows = []
    asked: list[Asked] = [("network", {}), *(("hybrid", {"effort": e}) for e in given.efforts)]
    for one in asked:
        with ProcessPoolExecutor(1, get_context("spawn")) as alone:
            wanted = (one, given.data, items, given.weights, device)
            rows.append(alone.submit(measure, *wanted).result())
        print(json.dumps(rows[-1]), flush=True)
    on_gpu = device.startswith("cuda")
    return {
        "machine": torch.cuda.get_device_name() if on_gpu else cpu_model(),
        "device": device,
        "cores": cores(),
        "load_before": load,
        "data": store.identity,
        "box_angstrom": store.experiment.box_angstrom,
        "pixels": store.experiment.wave_pixels,
        "views": len(items),
        "batch": min(BATCH, len(items)),
        "rows": rows,
    }


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="data set that `diffragan simulate` wrote")
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--weights", type=Path, help="other weights than the package's")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--efforts", nargs="*", choices=list(EFFORTS), default=list(EFFORTS))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(words)
    try:
        write_json(arguments.out, study(arguments))
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
