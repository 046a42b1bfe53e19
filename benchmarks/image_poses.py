"""How well orientations are found from defocused images alone, against those of the data set.

The map that was found is laid on the true potential, of either hand, and its poses go with it.
Run: python benchmarks/image_poses.py DATA.zarr [--views 300] [--starts 3] [--max-shift 7]
[--out poses.json]
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from diffragan.errors import DiffraganError
from diffragan.io.files import write_json
from diffragan.io.triplets import TripletStore
from diffragan.progress import progress_bar
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.many_views.image_poses import (
    ImagePoses,
    defocused_views,
    other_hand,
    poses_from_images,
)
from diffragan.reconstruction.measured import measure_map
from diffragan.reconstruction.orientations import angle_between
from diffragan.reconstruction.refinement import Poses, RefinementSettings, State
from diffragan.reconstruction.refinement.halves import change_frame
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.typing import Tensor

WRONG_DEGREES = 20.0
"""Farther from the truth, an orientation is another one, not an inexact one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Find poses, and print and write how wrong they are."""
    asked = _asked(arguments)
    try:
        row = measured(
            TripletStore(asked.data),
            asked.views,
            RefinementSettings(
                seed=asked.seed, starts=asked.starts, max_shift_angstrom=asked.max_shift
            ),
        )
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps(row, indent=1))
    if asked.out is not None:
        write_json(asked.out, row)
    return 0


def measured(
    store: TripletStore, views: int | None, settings: RefinementSettings
) -> dict[str, Any]:
    """Find the poses of the first molecule's views, and compare them with the true ones."""
    owner = store.read("structure")
    numbers = list(range(int((owner == owner.min()).sum())))[:views]
    began = time.process_time()
    with progress_bar(None, "poses") as bar:

        def watch(state: State) -> None:
            bar.advance()
            bar.note(state.stage)

        found = poses_from_images(
            store,
            numbers,
            torch.arange(len(numbers)) % 2,
            settings,
            structure=int(owner.min()),
            watch=watch,
            threads=os.cpu_count() or 1,
        )
    seconds = time.process_time() - began
    return {"views": len(numbers), "cpu_seconds": seconds, **errors(store, numbers, found)}


def errors(store: TripletStore, numbers: list[int], found: ImagePoses) -> dict[str, Any]:
    """Angles and shifts between found and true poses, in the frame of the truth."""
    model = particles_of_store(store, store.structures())[0].model
    true = defocused_views(store, numbers, int(store.read("structure").min()))
    assert true.poses is not None
    poses = Poses(found.rotations, found.shifts_angstrom)
    with_model = replace(true, model=model)
    map_ = measure_map(Found(found.maps, poses, found.half_sets), with_model, "unknown")
    assert map_.laid is not None
    right = other_hand(found) if map_.laid.mirrored else found
    laid = change_frame(
        Poses(right.rotations, right.shifts_angstrom),
        map_.laid.rotation,
        map_.laid.shift_angstrom,
    )
    angle: Tensor = torch.rad2deg(angle_between(laid.rotations, true.poses.rotations))
    near = angle[angle < WRONG_DEGREES]
    shift = (laid.shifts_angstrom - true.poses.shifts_angstrom).norm(dim=1)
    return {
        "median_error_degrees": float(angle.median()),
        "rms_error_degrees": float(angle.square().mean().sqrt()),
        "rms_error_of_the_near_degrees": float(near.square().mean().sqrt()),
        "share_wrong": 1 - len(near) / len(angle),
        "median_shift_error_angstrom": float(shift.median()),
        "foretold_median_error_degrees": found.median_error_degrees,
        "foretold_rms_error_degrees": found.rms_error_degrees,
        "halves_part_angstrom": found.resolution_angstrom,
        "resolution_fsc_0p5_angstrom": map_.agreement.resolution_fsc_truth_0p5_angstrom,
    }


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--views", type=int)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--max-shift", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
