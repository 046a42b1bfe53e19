"""What a detector's point spread costs, and how much of it phasing takes off by knowing of it.

Counted patterns of a data set with a point spread are phased as they are, and as if the detector
had none. Both are judged by the Fourier ring correlation with the true images, from 20 Å to the end
of the patterns on their axes. Run:
diffragan simulate PROTEIN.pdb --config spread.yaml --orientations 8 --seed 3 --out spread.zarr
python benchmarks/point_spread.py spread.zarr --views 8 --out spread.json
with `diffragan simulate --config` from a spread.yaml such as
    {kind: experiment, preset: paper-fine, image_pixels: 256,
     diffraction: {direct_beam_pixels: 5, max_angle_mrad: 12}, numerics: {accuracy: 0.05},
     detector: {exposure_e_per_a2: 10000, point_spread_pixels: 0.57}}
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from diffragan.errors import DiffraganError, InputError
from diffragan.evaluation.metrics import measured_limit, resolution
from diffragan.evaluation.scores import read_truth, score_batch
from diffragan.io.files import write_json
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Observations, read_observations
from diffragan.phasing.registry import make_phaser


def as_without(observations: Observations) -> Observations:
    """Return the same observations of a detector that is said to have no point spread."""
    experiment = observations.experiment
    detector = experiment.detector.model_copy(update={"point_spread_pixels": 0.0})
    return replace(observations, experiment=experiment.model_copy(update={"detector": detector}))


def compare(path: Path, views: int, method: str) -> dict[str, object]:
    """Phase the first views both ways."""
    store = TripletStore(path)
    spread = store.experiment.detector.point_spread_pixels
    if spread == 0:
        raise InputError(f"{path}: its detector has no point spread; simulate one that has")
    items = range(min(views, len(store)))
    observations, truth = read_observations(store, items), read_truth(store, items)
    limit, phaser = measured_limit(store.experiment), make_phaser(method, {}, None, "cpu")
    found: dict[str, object] = {"data": path.name, "views": len(items), "spread_pixels": spread}
    for name, seen in (("known", observations), ("not known", as_without(observations))):
        phased = phaser.phase(seen)
        frc = score_batch(phased.waves, phased.images, truth, limit).frc
        judged = resolution(frc.mean(0), limit)
        found[name] = {
            "resolution_frc_0p5_angstrom": judged.angstrom,
            "mean_frc": float(frc[:, limit.whole_rings].mean()),
        }
        print(name, found[name], flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--views", type=int, default=8)
    parser.add_argument("--method", default="hybrid")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        found = compare(arguments.data, arguments.views, arguments.method)
    except DiffraganError as error:
        print(f"point_spread: {error}", file=sys.stderr)
        return 2
    if arguments.out is not None:
        write_json(arguments.out, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
