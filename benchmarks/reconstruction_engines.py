"""Unknown poses: the embedded engine and RELION on the same images, judged by the truth.

Each case is kept in a file of its own in the output folder, and one that is there is not run again:
RELION takes many minutes. Each engine runs by itself, so that its CPU time is its own. Run:
python benchmarks/reconstruction_engines.py PROTEIN.pdb [...] --views 500 2000 --seeds 0 1 2 \
    --engines embedded relion --out engines
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from reconstruction_data import Views, make_views
from reconstruction_relion import relion_unknown, write_views
from reconstruction_timing import Cost, cost_of

from diffragan.errors import DiffraganError
from diffragan.io.files import write_json
from diffragan.io.mrc import write_volume
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.map_alignment import align_maps, move_map
from diffragan.reconstruction.refinement import RefinementSettings, refine
from diffragan.rings import resolution_at
from diffragan.typing import Volume

MOST_WORSE = 1.1
"""How much coarser than RELION's the embedded engine's resolution may be."""


def embedded(views: Views, seed: int) -> tuple[Volume, Cost]:
    """Run our engine with its defaults, on one thread."""
    maps = []
    settings = RefinementSettings(seed=seed)
    cost = cost_of(lambda: maps.append(refine(views.images, views.grid, settings)))
    return maps[0].full, cost


def judge(volume: Volume, views: Views) -> dict[str, Any]:
    """Lay a map on the truth, by the better hand, and correlate."""
    alignment = align_maps(volume, views.truth, views.grid)
    moved = move_map(volume, alignment, views.grid)
    frequency, correlation = fourier_shell_correlation(moved, views.truth, views.grid)
    return {
        "resolution_fsc_0p5_angstrom": resolution_at(correlation, frequency),
        "correlation": alignment.correlation,
        "other_hand_correlation": alignment.other_hand_correlation,
        "mirrored": alignment.mirrored,
        "frequency_per_angstrom": frequency,
        "fsc": correlation,
    }


def run_case(engine: str, protein: Path, count: int, seed: int, out: Path) -> dict[str, Any]:
    """Reconstruct and judge, unless that was done before."""
    name = f"{protein.stem}-{count}-{seed}-{engine}"
    kept = out / f"{name}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    views = make_views(protein, count, seed)
    if engine == "embedded":
        volume, cost = embedded(views, seed)
    else:
        folder = out / name
        write_views(folder, views)
        volume, cost = relion_unknown(folder, views, seed)
    write_volume(out / f"{name}.mrc", volume.numpy(), views.grid.pixel_angstrom, name)
    row = {
        "engine": engine,
        "protein": protein.stem,
        "views": count,
        "seed": seed,
        "cpu_s": cost.cpu_s,
        "wall_s": cost.wall_s,
        **judge(volume, views),
    }
    write_json(kept, row)
    return row


def table(rows: list[dict[str, Any]]) -> list[str]:
    """One line a case, with what both engines made of it where both ran."""
    lines = ["protein     views  seed  embedded Å   CPU s  RELION Å   CPU s  within 1.1  cheaper"]
    cases = sorted({(r["protein"], r["views"], r["seed"]) for r in rows})
    for case in cases:
        ours, theirs = (
            next((r for r in rows if _case(r) == case and r["engine"] == e), None)
            for e in ("embedded", "relion")
        )
        cells = [f"{case[0]:<11} {case[1]:>5} {case[2]:>5}"]
        for row, width in ((ours, 11), (theirs, 9)):
            cells.append(
                f"{_resolution(row):>{width}} {'-' if row is None else round(row['cpu_s']):>7}"
            )
        if ours is not None and theirs is not None:
            near = _angstrom(ours) <= MOST_WORSE * _angstrom(theirs)
            cells.append(f"{'yes' if near else 'NO':>11}")
            cells.append(f"{'yes' if ours['cpu_s'] < theirs['cpu_s'] else 'NO':>8}")
        lines.append(" ".join(cells))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proteins", nargs="+", type=Path)
    parser.add_argument("--views", type=int, nargs="+", default=[500])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--engines", nargs="+", choices=["embedded", "relion"], default=["embedded"]
    )
    parser.add_argument("--out", type=Path, default=Path("engines"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for engine in arguments.engines:
        for count in arguments.views:
            for protein in arguments.proteins:
                for seed in arguments.seeds:
                    try:
                        row = run_case(engine, protein, count, seed, arguments.out)
                    except DiffraganError as error:
                        print(f"error: {error}", file=sys.stderr)
                        sys.exit(2)
                    rows.append(row)
                    shown = f"{row['protein']} {count} {seed} {engine}: {_resolution(row)} Å"
                    print(f"{shown}, {row['cpu_s']:.0f} CPU s", flush=True)
    print("\n".join(table(rows)))
    write_json(arguments.out / "engines.json", {"rows": rows})


def _case(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["protein"], row["views"], row["seed"]


def _angstrom(row: dict[str, Any]) -> float:
    """Resolution [Å]; the end of the data where the curve never falls."""
    resolution = row["resolution_fsc_0p5_angstrom"]
    return float(resolution or 1 / row["frequency_per_angstrom"][-1])


def _resolution(row: dict[str, Any] | None) -> str:
    return "-" if row is None else f"{_angstrom(row):.2f}"


if __name__ == "__main__":
    main()
