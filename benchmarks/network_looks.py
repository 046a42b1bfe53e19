"""What the mean of several looks brings: the network's FRC by the number of ways a view is laid.

Run: python benchmarks/network_looks.py DATA.zarr [MORE.zarr ...] [--looks 1 2 4 8]
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from diffragan.alignment import align
from diffragan.errors import DiffraganError
from diffragan.evaluation.scores import read_truth
from diffragan.fourier import centred, fft2
from diffragan.io.triplets import TripletStore
from diffragan.phasing.network_alone import PHASE_OBJECT_ANGSTROM, NetworkPhaser
from diffragan.phasing.protocol import high_resolution_images, read_observations
from diffragan.physics.forward import with_phase_object_amplitude
from diffragan.rings import ring_correlation, ring_index
from diffragan.typing import Float, Tensor

COARSEST_ANGSTROM, FINEST_ANGSTROM = 20.0, 5.0
"""Rings that the network knows something of."""
BATCH = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--looks", type=int, nargs="+", default=[1, 2, 4, 8])
    arguments = parser.parse_args()
    try:
        found = {str(path): compared(path, arguments.looks) for path in arguments.data}
    except DiffraganError as error:
        print(f"network_looks: {error}", file=sys.stderr)
        return 2
    print(json.dumps(found, indent=1))
    return 0


def compared(path: Path, looks: list[int]) -> dict[str, dict[str, float]]:
    """Mean FRC of all views for each number of looks, and its gain over one look."""
    store = TripletStore(path)
    scores = {count: view_scores(store, count) for count in {1, *looks}}
    return {
        str(count): {
            "frc": float(scores[count].mean()),
            "gain": float((scores[count] - scores[1]).mean()),
            "standard_error": float((scores[count] - scores[1]).std() / len(store) ** 0.5),
        }
        for count in looks
    }


def view_scores(store: TripletStore, looks: int) -> Float[Tensor, " view"]:
    """Mean FRC of each view's image with the true one, from 20 to 5 Å."""
    phaser, experiment = NetworkPhaser(), store.experiment
    found = []
    for start in range(0, len(store), BATCH):
        items = list(range(start, min(start + BATCH, len(store))))
        guess = phaser.guess(read_observations(store, items), looks)
        waves = with_phase_object_amplitude(
            centred(guess.waves), experiment.wave_grid, PHASE_OBJECT_ANGSTROM
        )
        images, truth = high_resolution_images(waves, experiment), read_truth(store, items).images
        laid = align(images, truth).apply(images)
        side = truth.shape[-1]
        frc = ring_correlation(fft2(laid), fft2(truth), ring_index((side, side)), side // 2)
        box = experiment.box_angstrom
        rings = slice(round(box / COARSEST_ANGSTROM), round(box / FINEST_ANGSTROM))
        found.append(frc[:, rings].mean(-1))
    return torch.cat(found)


if __name__ == "__main__":
    sys.exit(main())
