"""What each method of phase extension gains: the map against the truth, and against free counts.

All methods start from the same coarse map, the true potential to 5 Å with noise, and the same merge
of a simulated, noise-free data set counted at an exposure. Proteins for choosing among methods are
those of the validation split, never of the test split.
Run: python benchmarks/many_views_methods.py DATA.zarr [--limit 0.5] [--views 200]
[--conditions 8000x10 8000x100 exact] [--methods hio raar raar+likelihood] [--out methods.json]
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from many_views import START_NOISE, counted, model_of

from diffragan.errors import DiffraganError
from diffragan.io.files import write_json
from diffragan.io.machine import cpu_model
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.many_views.counts_refinement import (
    CountsSettings,
    refine_against_counts,
)
from diffragan.reconstruction.many_views.extension import extend_phases
from diffragan.reconstruction.many_views.free_regions import FreeRegions, width_for
from diffragan.reconstruction.many_views.merging import added
from diffragan.reconstruction.many_views.pattern_counts import PatternCounts
from diffragan.reconstruction.many_views.pattern_refinement import continued
from diffragan.reconstruction.many_views.patterns import PatternSet, patterns_of_store
from diffragan.reconstruction.many_views.pipeline import SPHERE_DIAMETER, grid_of, merge_halves
from diffragan.reconstruction.many_views.settings import ExtensionSettings
from diffragan.reconstruction.many_views.starts import coarse_map
from diffragan.reconstruction.many_views.supports import PROTEIN_ANGSTROM3_PER_DALTON
from diffragan.reconstruction.truth import true_potential_map
from diffragan.rings import resolution_at
from diffragan.simulation.orientations import largest_extent

EXACT = "exact"
PATTERNS = "+patterns"
PATTERN_ROUNDS = CountsSettings(rounds=5)
PROJECTIONS: dict[str, dict[str, Any]] = {
    "er": {"algorithm": "er"},
    "hio": {"algorithm": "hio"},
    "raar": {"algorithm": "raar"},
    "dm": {"algorithm": "dm", "beta": 1.0},
    "hio+histogram": {"algorithm": "hio", "histogram_share": 1.0},
    "raar+histogram": {"algorithm": "raar", "histogram_share": 1.0},
    "raar, 8 cycles": {"algorithm": "raar", "cycles": 8},
    "raar, no positivity": {"algorithm": "raar", "positive": False},
}
PLAIN = {"histogram_share": 0.0}
METHODS = {
    **{name: {**PLAIN, "likelihood_rounds": 0, **kept} for name, kept in PROJECTIONS.items()},
    **{f"{name}+likelihood": {**PLAIN, **kept} for name, kept in PROJECTIONS.items()},
}
"""Settings of the extension by name; any may be followed by `+patterns`."""


def conditioned(patterns: PatternSet, condition: str, seed: int) -> PatternSet:
    """Patterns counted at, for example, 8000x100: so many patterns of so many e/Å2 in all."""
    if condition == EXACT:
        return patterns
    count, dose = (float(part) for part in condition.split("x"))
    return counted(patterns, dose * count / len(patterns), seed)


def measured(arguments: argparse.Namespace, condition: str) -> list[dict[str, Any]]:
    """Merge once, then try every method."""
    store = TripletStore(arguments.data)
    entry, limit = store.structures()[0], arguments.limit
    model = model_of(entry)
    patterns = patterns_of_store(store, limit)
    patterns = conditioned(patterns.only(patterns.kept[: arguments.views]), condition, 0)
    grid = grid_of(store.experiment.box_angstrom, largest_extent(model), limit)
    merged = added(*merge_halves(patterns, grid, limit))
    truth = torch.fft.ifftshift(true_potential_map(model, grid))
    size = entry.mass_kda * 1e3 * PROTEIN_ANGSTROM3_PER_DALTON
    width = width_for(grid, SPHERE_DIAMETER * size ** (1 / 3))
    free = FreeRegions(width=width).mask(grid)
    start = coarse_map(truth, grid, ExtensionSettings().start_angstrom, START_NOISE, 100)
    last = int(limit * grid.box_angstrom)
    rows = []
    for method in arguments.methods:
        begun = time.process_time()
        settings = ExtensionSettings(**METHODS[method.removesuffix(PATTERNS)])
        run = extend_phases(start, merged, free, size, settings)
        factors, volume, rounds = run.records[run.chosen].r_factors, run.volume, None
        if method.endswith(PATTERNS):
            likelihood = PatternCounts(patterns, merged, free)
            volume = continued(volume, run.support, merged, free)
            refined = refine_against_counts(volume, run.support, likelihood, PATTERN_ROUNDS)
            volume, rounds = refined.volume, refined.chosen
        frequency, fsc = fourier_shell_correlation(volume, truth, grid)
        rows.append(
            {
                "condition": condition,
                "method": method,
                "fsc_truth_0p5_angstrom": resolution_at(fsc[:last], frequency[:last]),
                "mean_fsc_truth": float(fsc[2:last].mean()),
                "last_fsc_truth": float(fsc[last - 6 : last].mean()),
                "r_work": factors.work,
                "r_free": factors.free,
                "free_gain": factors.free_gain,
                "rounds_against_patterns": rounds,
                "cpu_s": round(time.process_time() - begun, 1),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=float, default=0.5, help="end of the data [1/Å]")
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--conditions", nargs="+", default=["8000x10", "8000x100", EXACT])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    unknown = [m for m in arguments.methods if m.removesuffix(PATTERNS) not in METHODS]
    if unknown:
        print(f"many_views_methods: no method {unknown[0]!r}; there are {', '.join(METHODS)}",
              file=sys.stderr)  # fmt: skip
        return 2
    try:
        rows = [row for name in arguments.conditions for row in measured(arguments, name)]
    except DiffraganError as error:
        print(f"many_views_methods: {error}", file=sys.stderr)
        return 2
    if arguments.out is not None:
        record = {"rows": rows, "cpu": cpu_model(), "data": arguments.data.name,
                  "limit_per_angstrom": arguments.limit, "views": arguments.views}  # fmt: skip
        write_json(arguments.out, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
