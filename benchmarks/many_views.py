"""How far many views together are phased: resolution against the truth, and what it costs.

Patterns are those of a simulated, noise-free data set, at their true orientations or turned away
from them. With `--dose` they are counted: `--patterns` of that many electrons per area in all,
shared evenly by the views of the data set. The coarse map is the true potential to 5 Å with noise.
With `--noise` nothing but the mean fall of counts with the angle is left of counted patterns.
Run: python benchmarks/many_views.py DATA.zarr [--limit 0.6] [--views 400]
[--patterns 8000 --dose 100] [--wrong OTHER.zarr] [--turned 4] [--noise] [--out many-views.json]
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffragan.errors import DiffraganError, InputError
from diffragan.grid import Grid
from diffragan.io.files import write_json
from diffragan.io.machine import cpu_model, peak_memory_bytes
from diffragan.io.triplets import StructureEntry, TripletStore
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.agreement import Judge
from diffragan.reconstruction.many_views.control import control
from diffragan.reconstruction.many_views.orientations import (
    OrientationSettings,
    angles_degrees,
    refine_orientations,
)
from diffragan.reconstruction.many_views.patterns import (
    PatternSet,
    expected_per_unit,
    patterns_of_store,
)
from diffragan.reconstruction.many_views.pipeline import (
    ManyViewsSettings,
    PhasedTogether,
    Starts,
    grid_of,
    merge_halves,
    phase_together,
)
from diffragan.reconstruction.many_views.results import write_results
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.structure import structure_in
from diffragan.reconstruction.many_views.supports import PROTEIN_ANGSTROM3_PER_DALTON
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import resolution_at
from diffragan.simulation.orientations import largest_extent
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Tensor, Volume

START_NOISE = 0.5  # an amplitude signal-to-noise ratio of 2 in every shell
SHOWN_ANGSTROM = (10, 5, 4, 3, 2.5, 2, 1.75, 1.5, 1.3)


def model_of(entry: StructureEntry) -> AtomicModel:
    return AtomicModel(torch.from_numpy(entry.positions), torch.from_numpy(entry.atomic_numbers))


def counted(patterns: PatternSet, exposure: float, seed: int) -> PatternSet:
    """Count exact patterns at an exposure; each draws from its own number."""
    if patterns.counted:
        raise InputError(f"{patterns.name} is counted already; leave --dose out")
    factor = expected_per_unit(patterns.experiment, exposure) / expected_per_unit(
        patterns.experiment, None
    )

    def read(numbers: Sequence[int]) -> Tensor:
        drawn = [
            np.random.default_rng([seed, number]).poisson(values.double().numpy() * factor)
            for number, values in zip(numbers, patterns.read(numbers), strict=True)
        ]
        return torch.from_numpy(np.stack(drawn)).float()

    behind = patterns.background
    if behind is not None:
        behind = replace(behind, pixels=behind.pixels * factor)
    expected = patterns.expected * factor
    return replace(patterns, read=read, counted=True, expected=expected, background=behind)


def without_molecule(patterns: PatternSet, seed: int) -> PatternSet:
    """Count every pixel anew from the mean of its ring; each pattern draws from its own number."""
    if not patterns.counted:
        raise InputError("noise is that of counting; give --dose")
    radius = torch.linalg.vector_norm(patterns.pixels.points[:, :2], dim=1)
    ring = (radius * patterns.experiment.box_angstrom).round().long()

    def read(numbers: Sequence[int]) -> Tensor:
        values = patterns.read(numbers).double()
        sums = torch.zeros(len(values), int(ring.max()) + 1, dtype=values.dtype)
        means = sums.index_add(1, ring, values) / torch.bincount(ring).clamp(min=1)
        drawn = [
            np.random.default_rng([seed, 1, number]).poisson(mean[ring].numpy())
            for number, mean in zip(numbers, means, strict=True)
        ]
        return torch.from_numpy(np.stack(drawn)).float()

    return replace(patterns, read=read)


def turned_away(patterns: PatternSet, degrees: float, seed: int) -> PatternSet:
    """Turn orientations by random angles of a root mean square."""
    sigma = np.deg2rad(degrees) / 3**0.5
    vectors = np.random.default_rng(seed).normal(0, sigma, (len(patterns.rotations), 3))
    turns = torch.from_numpy(Rotation.from_rotvec(vectors).as_matrix()).float()
    return replace(patterns, rotations=turns @ patterns.rotations)


def refined(
    patterns: PatternSet, true: Float[Tensor, "view 3 3"], grid: Grid, limit: float
) -> tuple[PatternSet, dict[str, Any]]:
    """Refine the orientations of each half apart; say how wrong they were and are."""

    def wrong(some: PatternSet) -> dict[str, float]:
        angles = angles_degrees(some.rotations, true)[list(some.kept)]
        return {"rms": float(angles.square().mean().sqrt()), "median": float(angles.median())}

    rotations, rounds = patterns.rotations.clone(), []
    for half in patterns.halves():
        better, records = refine_orientations(half, grid, limit, OrientationSettings())
        rotations[list(half.kept)] = better.rotations[list(half.kept)]
        rounds.append([round(record.moved_degrees, 3) for record in records])
    after = replace(patterns, rotations=rotations)
    return after, {"before": wrong(patterns), "after": wrong(after), "moved_degrees": rounds}


def described(result: PhasedTogether, truth: Volume) -> dict[str, Any]:
    """Resolution and correlation with the truth, and what is claimed without it."""
    grid, limit = result.grid, result.merged.limit_per_angstrom
    frequency, against = fourier_shell_correlation(result.full.volume, truth, grid)
    _, halves = fourier_shell_correlation(result.half1.volume, result.half2.volume, grid)
    last = int(limit * grid.box_angstrom)
    whole = frequency[:last], against[:last], halves[:last]
    chosen = result.full.runs[0].records[result.full.runs[0].chosen]
    shells = {d: round(grid.box_angstrom / d) for d in SHOWN_ANGSTROM}
    return {
        "end_of_data_angstrom": round(1 / limit, 3),
        "fsc_truth_0p5_angstrom": resolution_at(whole[1], whole[0]),
        "fsc_halves_0p143_angstrom": resolution_at(whole[2], whole[0], 0.143),
        "fsc_truth_at_angstrom": {d: float(against[s]) for d, s in shells.items() if s < last},
        "lowest_fsc_truth": float(whole[1][2:].min()),
        "r_work": chosen.r_factors.work,
        "r_free": chosen.r_factors.free,
        "free_gain": chosen.r_factors.free_gain,
        "iterations": chosen.iteration,
    }


def measured(arguments: argparse.Namespace, path: Path) -> dict[str, Any]:
    """Phase one data set."""
    store = TripletStore(path)
    entry = store.structures()[0]
    model, limit = model_of(entry), arguments.limit
    patterns = patterns_of_store(store, limit)
    patterns = patterns.only(patterns.kept[: arguments.views])
    grid = grid_of(store.experiment.box_angstrom, largest_extent(model), limit)
    if arguments.dose is not None:
        share = arguments.dose * (arguments.patterns or len(patterns)) / len(patterns)
        patterns = counted(patterns, share, arguments.seed)
    if arguments.noise:
        patterns = without_molecule(patterns, arguments.seed)
    truth = torch.fft.ifftshift(true_potential_map(model, grid))
    settings = ManyViewsSettings(
        extension=ExtensionSettings(starts=arguments.starts, seed=arguments.seed)
    )
    begun, used = time.perf_counter(), time.process_time()
    found: dict[str, Any] = {}
    if arguments.turned:
        true = patterns.rotations
        patterns = turned_away(patterns, arguments.turned, arguments.seed)
        patterns, found["orientation_degrees"] = refined(patterns, true, grid, limit)
    halves = merge_halves(patterns, grid, limit, settings.scale_rounds)
    merged_s = time.process_time() - used
    start = coarse_map(
        truth, grid, settings.extension.start_angstrom, START_NOISE, arguments.seed + 100
    )
    result = phase_together(halves, Starts.shared(start), entry.mass_kda, settings)
    if arguments.folder is not None:
        write_results(result, arguments.folder / entry.name, torch.fft.fftshift(truth))
    found |= {
        "molecule": entry.name,
        "mass_kda": round(entry.mass_kda, 2),
        "views": len(patterns),
        "grid": [grid.pixels, round(grid.box_angstrom, 2)],
        **described(result, truth),
        "cpu_s": {"before_phasing": merged_s, "all": time.process_time() - used},
        "wall_s": time.perf_counter() - begun,
    }
    size = entry.mass_kda * 1e3 * PROTEIN_ANGSTROM3_PER_DALTON
    if arguments.noise:
        structure = structure_in(result.full.volume, Judge(result.merged, result.free))
        told = control(start, result.merged, result.free, size, settings.extension)
        found["noise"] = {**asdict(structure), "found": structure.found, "start_fits": told.fits}
    if arguments.wrong is not None:
        other = model_of(TripletStore(arguments.wrong).structures()[0])
        theirs = torch.fft.ifftshift(true_potential_map(other, grid))
        coarse = coarse_map(theirs, grid, settings.extension.start_angstrom, START_NOISE, 1)
        for name, volume in (("right", start), ("wrong", coarse)):
            told = control(volume, result.merged, result.free, size, settings.extension)
            found[f"control_{name}"] = {
                "alike": told.alike, "r_free": told.r_free, "kept": told.kept,
                "fits": told.fits,
            }  # fmt: skip
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("--limit", type=float, default=0.6, help="end of the data [1/Å]")
    parser.add_argument("--views", type=int, default=400)
    parser.add_argument("--patterns", type=int, default=None)
    parser.add_argument("--dose", type=float, default=None, help="of each pattern [e/Å2]")
    parser.add_argument(
        "--turned", type=float, default=0.0, help="rms error of the start [degrees]"
    )
    parser.add_argument("--wrong", type=Path, default=None, help="data of another molecule")
    parser.add_argument("--noise", action="store_true", help="leave no molecule in the patterns")
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None, help="where to write the maps")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record: dict[str, Any] = {
        "runs": [],
        "arguments": {name: str(value) for name, value in vars(arguments).items()},
        "cpu": cpu_model(),
    }
    for path in arguments.data:
        try:
            record["runs"].append(measured(arguments, path))
        except DiffraganError as error:
            print(f"many_views: {error}", file=sys.stderr)
            return 2
        record["peak_memory_bytes"] = peak_memory_bytes()
        print(json.dumps(record["runs"][-1], indent=1), flush=True)
    if arguments.out is not None:
        write_json(arguments.out, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
