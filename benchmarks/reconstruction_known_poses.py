"""Maps of known poses: ours and `relion_reconstruct`'s, shell by shell against the truth.

Run: python benchmarks/reconstruction_known_poses.py PROTEIN.pdb [...] --views 500 --out known.json
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch
from reconstruction_data import make_views
from reconstruction_relion import relion_known, write_views
from reconstruction_timing import cost_of

from diffragan.io.files import write_json
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import reconstruct_map
from diffragan.rings import resolution_at
from diffragan.typing import Volume


def compare(protein: Path, count: int, seed: int) -> dict[str, Any]:
    """Reconstruct one protein both ways."""
    views = make_views(protein, count, seed)
    maps: list[Volume] = []

    def reconstruct(count: int) -> None:
        given = views.images[:count], views.rotations[:count], views.shifts_angstrom[:count]
        maps.append(reconstruct_map(*given, views.grid))

    reconstruct(8)  # loads what is loaded once
    cost = cost_of(lambda: reconstruct(count))
    with tempfile.TemporaryDirectory() as name:
        write_views(Path(name), views)
        theirs, relion_cost = relion_known(Path(name), views)
    frequency, ours = fourier_shell_correlation(maps[-1], views.truth, views.grid)
    _, relion = fourier_shell_correlation(theirs, views.truth, views.grid)
    # Frequency zero is one coefficient: it says nothing but the sign of the sum.
    gain = (ours - relion)[1:]
    return {
        "protein": protein.stem,
        "views": count,
        "seed": seed,
        "embedded": {
            "resolution_fsc_0p5_angstrom": resolution_at(ours, frequency),
            "cpu_s": cost.cpu_s,
            "fsc": ours,
        },
        "relion": {
            "resolution_fsc_0p5_angstrom": resolution_at(relion, frequency),
            "cpu_s": relion_cost.cpu_s,
            "fsc": relion,
        },
        "frequency_per_angstrom": frequency,
        "least_gain_of_a_shell": float(gain.min()),
        "mean_gain": float(gain.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proteins", nargs="+", type=Path)
    parser.add_argument("--views", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, default=Path("known.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    print("protein     seed  ours Å  RELION Å  least gain  ours CPU s  RELION CPU s")
    for protein in arguments.proteins:
        for seed in arguments.seeds:
            row = compare(protein, arguments.views, seed)
            rows.append(row)
            ours, theirs = row["embedded"], row["relion"]
            print(
                f"{row['protein']:<11} {seed:>4} {_shown(ours):>7} {_shown(theirs):>9} "
                f"{row['least_gain_of_a_shell']:>+11.4f} {ours['cpu_s']:>11.1f} "
                f"{theirs['cpu_s']:>13.1f}",
                flush=True,
            )
    write_json(arguments.out, {"rows": rows})


def _shown(result: dict[str, Any]) -> str:
    resolution = result["resolution_fsc_0p5_angstrom"]
    return "end" if resolution is None else f"{resolution:.2f}"


if __name__ == "__main__":
    main()
