"""How well docking recovers a scrambled model, tells its hand, and refuses other proteins.

A map is made of each protein, turned, shifted and at random mirrored, to a resolution and with
white noise; its model is docked as its file has it, and so is, with `--wrong`, that of the next
protein in the list.

Example: python benchmarks/docking.py prepared/*.pdb --resolution 3 4 --snr 0 0.1 --out docking.json
"""

import argparse
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from diffragan.grid import Grid
from diffragan.io.files import write_json
from diffragan.reconstruction.truth import true_potential_map
from diffragan.reconstruction.validation.docking import dock
from diffragan.reconstruction.validation.docking_verdict import docking_summary
from diffragan.reconstruction.validation.hand import mirror_volume
from diffragan.reconstruction.validation.residue_model import (
    ResidueModel,
    deviation,
    read_residue_model,
)
from diffragan.reconstruction.validation.shells import low_passed
from diffragan.typing import Volume

ROOM_ANGSTROM = 10.0
LEAST_BOX_ANGSTROM = 70.0
REACH_ANGSTROM = 4.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--resolution", nargs="+", type=float, default=[3.0])
    parser.add_argument("--snr", nargs="+", type=float, default=[0.0], help="0: no noise")
    parser.add_argument("--pixels", type=int, default=64)
    parser.add_argument("--wrong", action="store_true", help="dock the next protein's model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    models = [read_residue_model(path) for path in asked.models]
    rows = []
    print(
        "map        model       A   SNR   RMSD  hand     score other  next   contrast    "
        "s   CPU  verdict"
    )
    for resolution in asked.resolution:
        for snr in asked.snr:
            for number, model in enumerate(models):
                docked = models[(number + 1) % len(models)] if asked.wrong else model
                seed = asked.seed * 1000 + number
                row = measure(model, docked, asked.pixels, resolution, snr, seed)
                rows.append(row)
                print(line(row), flush=True)
    if asked.out:
        write_json(asked.out, {"pixels": asked.pixels, "rows": rows})


def measure(
    model: ResidueModel, docked: ResidueModel, pixels: int, resolution: float, snr: float, seed: int
) -> dict[str, Any]:
    """Make the map, dock, and compare with the truth."""
    generator = np.random.default_rng(seed)
    reach = np.linalg.norm(model.positions - model.positions.mean(0), axis=1).max()
    grid = Grid(pixels, max(LEAST_BOX_ANGSTROM, 2 * reach + ROOM_ANGSTROM))
    turn = Rotation.random(random_state=generator).as_matrix()
    place = generator.uniform(-REACH_ANGSTROM, REACH_ANGSTROM, 3)
    truth = model.moved(turn, place - turn @ model.positions.mean(0))
    mirrored = bool(generator.integers(2))
    volume = made_map(truth, grid, resolution, snr, seed)
    start, start_cpu = perf_counter(), process_time()
    found = dock(
        mirror_volume(volume) if mirrored else volume, grid, docked, resolution_angstrom=resolution
    )
    seconds, cpu_seconds = perf_counter() - start, process_time() - start_cpu
    summary = docking_summary(found, docked.name)
    right = docked is model
    laid = docked.positions @ found.best.rotation.T + found.best.shift
    return {
        "map": model.name,
        "model": docked.name,
        "right": right,
        "resolution_angstrom": resolution,
        "snr": snr,
        "rmsd_angstrom": deviation(laid, truth.positions) if right else None,
        "hand_is_right": found.mirrored == mirrored if right else None,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        **{key: summary[key] for key in ("verdict", "hand", "score", "score_other_hand")},
        **{key: summary[key] for key in ("score_runner_up", "contrast", "hand_contrast")},
    }


def made_map(truth: ResidueModel, grid: Grid, resolution: float, snr: float, seed: int) -> Volume:
    """Potential to a resolution, with noise to it; `snr` is the ratio of variances in the box."""
    potential = low_passed(true_potential_map(truth.atoms(), grid), grid, resolution)
    if not snr:
        return potential.float()
    generator = torch.Generator().manual_seed(seed)
    white = torch.randn(potential.shape, generator=generator, dtype=torch.float64)
    noise = low_passed(white, grid, resolution)
    noisy: Volume = potential + noise / noise.std() * potential.std() / snr**0.5
    return noisy.float()


def line(row: dict[str, Any]) -> str:
    rmsd = "    -" if row["rmsd_angstrom"] is None else f"{row['rmsd_angstrom']:5.2f}"
    hand = {True: "right", False: "wrong", None: "-"}[row["hand_is_right"]]
    return (
        f"{row['map']:10s} {row['model']:10s} {row['resolution_angstrom']:3g} {row['snr']:5g}  "
        f"{rmsd}  {hand:7s}  {row['score']:.3f} {row['score_other_hand']:.3f} "
        f"{row['score_runner_up']:.3f}  {row['contrast']:6.2f}  "
        f"{row['seconds']:5.1f} {row['cpu_seconds']:5.1f}  {row['verdict']}"
    )


if __name__ == "__main__":
    main()
