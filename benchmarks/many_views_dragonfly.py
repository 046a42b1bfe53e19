"""Many views merged by Dragonfly (EMC) and by us from the same counts: what is found, at what cost.

Both merge patterns of a simulated data set. Dragonfly knows nothing else and starts from noise; we
start from orientations `--turned` degrees wrong, as low-resolution images give them, which is what
such data have and Dragonfly has no use for; `--coarse` gives it the intensity of a noisy coarse map
to start from. Both are laid on the truth before they are judged: by the error of the orientations,
by the correlation of the merged intensity with the true one in every shell, and by CPU time.
`true` is our merge at the true orientations, what can be reached.
Run: python benchmarks/many_views_dragonfly.py DATA.zarr --folder DIR [--limit 0.25]
[--views 300] [--dose 1000] [--divisions 6] [--iterations 40] [--turned 4] [--out FILE.json]
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch
from many_views import START_NOISE, counted, model_of, refined, turned_away

from diffragan.errors import DiffraganError
from diffragan.grid import Grid
from diffragan.io.files import output_folder, write_json
from diffragan.io.machine import cpu_model
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.dragonfly.engine import merge_with_dragonfly
from diffragan.reconstruction.dragonfly.program import find_dragonfly
from diffragan.reconstruction.dragonfly.settings import DragonflySettings
from diffragan.reconstruction.many_views.frames import shared_frame, turned_intensity
from diffragan.reconstruction.many_views.intensity_correlation import intensity_correlation
from diffragan.reconstruction.many_views.merging import merge
from diffragan.reconstruction.many_views.patterns import patterns_of_store
from diffragan.reconstruction.many_views.pipeline import grid_of
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.truth import true_potential_map
from diffragan.simulation.orientations import largest_extent
from diffragan.typing import Bool, Float, Tensor

FOUND_DEGREES = 15.0


class Truth:
    """True orientations and intensity, on which results are laid and judged."""

    def __init__(self, rotations: Tensor, intensity: Tensor, grid: Grid, limit: float) -> None:
        """Keep them."""
        self.rotations, self.intensity, self.grid = rotations, intensity, grid
        self.last = int(limit * grid.box_angstrom)

    def judge(
        self,
        rotations: Float[Tensor, "view 3 3"],
        intensity: Float[Tensor, "z y half_x"],
        known: Bool[Tensor, "z y half_x"],
        cpu_s: float,
    ) -> dict[str, Any]:
        """Compare with the truth, in its frame."""
        frame = shared_frame(rotations, self.rotations)
        values, sure = turned_intensity(intensity, known, frame.turn, self.grid)
        alike = intensity_correlation(values, self.intensity, sure, self.grid)[: self.last + 1]
        degrees, half = frame.degrees, frame.degrees_or_half_turn
        return {
            "orientation_degrees": {
                "median": float(degrees.median()),
                "median_or_half_turn": float(half.median()),
                f"within_{FOUND_DEGREES:g}": float((degrees < FOUND_DEGREES).double().mean()),
                f"within_{FOUND_DEGREES:g}_or_half_turn": float(
                    (half < FOUND_DEGREES).double().mean()
                ),
            },
            "intensity_correlation": [round(float(value), 4) for value in alike],
            "mean_correlation": float(alike[2:].mean()),
            "cpu_s": cpu_s,
        }


def child_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(arguments: argparse.Namespace, program: str) -> dict[str, Any]:
    store = TripletStore(arguments.data)
    entry = store.structures()[0]
    model, limit = model_of(entry), arguments.limit
    patterns = patterns_of_store(store, limit)
    patterns = patterns.only(patterns.kept[: arguments.views])
    if not patterns.counted:
        patterns = counted(patterns, arguments.dose, arguments.seed)
    grid = grid_of(store.experiment.box_angstrom, largest_extent(model), limit)
    potential = torch.fft.ifftshift(true_potential_map(model, grid))
    exact = torch.fft.rfftn(potential).abs().square() * grid.pixel_angstrom**6
    used = list(patterns.kept)
    truth = Truth(patterns.rotations[used], exact, grid, limit)
    counts = sum(float(batch.values.sum()) for batch in patterns.batches())
    found: dict[str, Any] = {
        "molecule": entry.name,
        "mass_kda": round(entry.mass_kda, 2),
        "patterns": len(patterns),
        "counts_of_a_pattern": counts / len(patterns),
        "end_of_data_angstrom": 1 / limit,
        "shells_per_angstrom": [k / grid.box_angstrom for k in range(truth.last + 1)],
    }

    before = time.process_time()
    merged = merge(patterns, grid, limit)
    at_truth = truth.rotations, merged.intensity, merged.known
    found["true"] = truth.judge(*at_truth, time.process_time() - before)

    before = time.process_time()
    turned = turned_away(patterns, arguments.turned, arguments.seed)
    turned, record = refined(turned, patterns.rotations, grid, limit)
    merged = merge(turned, grid, limit)
    cpu_s = time.process_time() - before
    found["ours"] = truth.judge(turned.rotations[used], merged.intensity, merged.known, cpu_s)
    found["ours"]["refinement"] = record
    print(json.dumps(found["ours"]["orientation_degrees"]), flush=True)

    settings = DragonflySettings(
        iterations=arguments.iterations,
        divisions=arguments.divisions,
        beta_growth=arguments.beta_growth,
        beta_period=arguments.beta_period,
        threads=arguments.threads,
        seed=arguments.seed,
    )
    start = None
    if arguments.coarse is not None:
        coarse = coarse_map(potential, grid, arguments.coarse, START_NOISE, arguments.seed + 100)
        start = torch.fft.rfftn(coarse).abs().square() * grid.pixel_angstrom**6
    before = child_cpu_s()
    emc = merge_with_dragonfly(program, patterns, grid, settings, arguments.folder, start)
    cpu_s = child_cpu_s() - before
    known = emc.known & merged.known
    found["dragonfly"] = truth.judge(emc.rotations, emc.intensity, known, cpu_s)
    found["dragonfly"]["settings"] = settings.model_dump()
    found["dragonfly"]["information_nats"] = float(emc.information.mean())
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=float, default=0.25, help="end of the data [1/Å]")
    parser.add_argument("--views", type=int, default=300)
    parser.add_argument("--dose", type=float, default=1000, help="of exact patterns [e/Å2]")
    parser.add_argument("--turned", type=float, default=4.0, help="error of our start [degrees]")
    parser.add_argument("--divisions", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--beta-growth", type=float, default=1.41421356)
    parser.add_argument("--beta-period", type=int, default=3)
    parser.add_argument("--coarse", type=float, default=None, help="of Dragonfly's start [Å]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="for Dragonfly's files")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        program = find_dragonfly()
        output_folder(arguments.folder.parent)
        found = measured(arguments, program)
    except DiffraganError as error:
        print(f"many_views_dragonfly: {error}", file=sys.stderr)
        return 2
    found |= {
        "cpu": cpu_model(),
        "arguments": {name: str(value) for name, value in vars(arguments).items()},
    }
    print(json.dumps(found, indent=1), flush=True)
    if arguments.out is not None:
        write_json(arguments.out, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
