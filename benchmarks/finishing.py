"""What finishing converged waves brings: FRC of the measured coefficients, and what it costs.

Restarts are iterated and averaged once for each view; then each is finished in several ways, from
no iterations (error reduction alone) to those of `--effort best`. Waves are laid on the true ones,
and correlated over the measured coefficients of a few rings, as complex numbers up to one phase of
each ring.
Run: python benchmarks/finishing.py DATA.zarr [--views 9] [--out FILE.json]
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from diffragan.alignment import align
from diffragan.errors import DiffraganError
from diffragan.fourier import centred, decentred, fft2
from diffragan.io.files import write_json
from diffragan.io.provenance import provenance
from diffragan.io.triplets import TripletStore
from diffragan.phasing.hybrid import HybridPhaser
from diffragan.phasing.hybrid_grid import coarse_iterations, fine_iterations
from diffragan.phasing.hybrid_settings import HybridSettings
from diffragan.phasing.protocol import read_observations
from diffragan.rings import ring_index
from diffragan.typing import Bool, Tensor, Waves

ENDINGS = (
    (1, 0, 1.0), (1, 400, 1.0), (4, 400, 1.0), (4, 400, 1.3), (4, 1000, 1.0), (4, 1000, 1.3)
)  # fmt: skip
"""Starts, iterations of each, and gain in the corners."""
RESOLUTIONS_ANGSTROM = (2.0, 1.4, 1.1, 1.0, 0.93, 0.9)
RINGS = 2
"""Neighbouring rings that are taken together."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--views", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        found = measured(arguments.data, arguments.views, arguments.seed)
    except DiffraganError as error:
        print(f"finishing: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found["endings"], indent=1))
    if arguments.out is not None:
        write_json(arguments.out, found)
    return 0


def measured(path: Path, views: int, seed: int) -> dict[str, Any]:
    """Finish the same waves in every way."""
    store = TripletStore(path)
    items = list(range(0, len(store), max(1, len(store) // views)))[:views]
    observations = read_observations(store, items)
    true = torch.from_numpy(store.read("exit_wave", items))
    phaser = HybridPhaser(HybridSettings(seed=seed))
    guess = phaser.network.guess(observations)
    fine = fine_iterations(observations, guess, phaser.settings)
    coarse = coarse_iterations(observations, guess, phaser.settings)
    begin = phaser.restart(items, coarse, fine).waves
    rows = []
    for starts, iterations, gain in ENDINGS:
        ending = replace(fine.ending, starts=starts, iterations=iterations, corner_gain=gain)
        finishing, clock = replace(fine, ending=ending), time.process_time()
        waves = [
            finishing.finish([row], begin[row : row + 1], [item]) for row, item in enumerate(items)
        ]
        seconds = (time.process_time() - clock) / len(items)
        curve = correlations(
            torch.cat(waves), true, fine.moduli.known, observations.experiment.box_angstrom
        )
        rows.append(
            {
                "starts": starts,
                "iterations": iterations,
                "corner_gain": gain,
                "cpu_s_per_view": seconds,
                "frc": curve,
            }
        )
    settings = {"views": len(items), **phaser.settings.model_dump(mode="json")}
    return {"endings": rows, "provenance": provenance("finishing", settings, seed, {})}


def correlations(
    waves: Waves, true: Waves, known: Bool[Tensor, "y x"], box_angstrom: float
) -> dict[str, float]:
    """Mean FRC of the measured coefficients about each resolution.

    Parameters
    ----------
    waves : Origin at pixel [0, 0]; `true` has it at pixel n // 2.
    """
    own = centred(waves)
    laid = fft2(decentred(align(own.imag, true.imag).apply(own)))
    target = fft2(decentred(true))
    rings = ring_index(tuple(known.shape), known.device)
    found = {}
    for resolution in RESOLUTIONS_ANGSTROM:
        first = round(box_angstrom / resolution)
        chosen = known & (rings >= first) & (rings < first + RINGS)
        found[f"{resolution:g}"] = float(correlation(laid[:, chosen], target[:, chosen]).mean())
    return found


def correlation(first: Tensor, second: Tensor) -> Tensor:
    """Modulus of the correlation of each row's coefficients."""
    cross = (first * second.conj()).sum(-1).abs()
    return cross / (first.abs().square().sum(-1) * second.abs().square().sum(-1)).sqrt()


if __name__ == "__main__":
    sys.exit(main())
