"""How far images lie from where they are put: as phased, and after `--poses shifts`, by the truth.

Each phased image is laid on the true one of its view. What the images of a molecule have in common
is taken off, for it moves the map as a whole. Run:
python benchmarks/reconstruction_shifts.py DATA.zarr PHASED.zarr --out shifts.json
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from reconstruction_timing import cost_of

from diffragan.alignment import align
from diffragan.errors import ConfigError, DiffraganError
from diffragan.io.files import write_json
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.reconstruction.shift_alignment import align_shifts, without_common_move
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.typing import Float, Tensor


def compare(phased: ParticleSet, true: ParticleSet) -> dict[str, Any]:
    """Measure the shifts of one molecule's images."""
    start, box = phased.poses, phased.grid.box_angstrom
    assert start is not None
    laid = align(phased.everything(), true.everything(), 0.0)
    right = start.shifts_angstrom - laid.shift_angstrom(box).flip(1).double()
    found = []
    halves = torch.arange(phased.count) % 2
    cost = cost_of(lambda: found.append(align_shifts(phased, start, halves)))
    twins = laid.twin
    errors = {
        name: without_common_move(start.rotations[~twins], (shifts - right)[~twins])
        for name, shifts in (("phased", start.shifts_angstrom), ("found", found[0].shifts_angstrom))
    }
    return {
        "molecule": phased.name,
        "views": phased.count,
        "twins_left_out": int(twins.sum()),
        "cpu_s": cost.cpu_s,
        **{name: _size(error) for name, error in errors.items()},
    }


def _size(moves: Float[Tensor, "n 2"]) -> dict[str, float]:
    length = moves.norm(dim=1)
    return {
        "median_angstrom": float(length.median()),
        "rms_angstrom": float(length.square().mean().sqrt()),
    }


def study(given: argparse.Namespace) -> dict[str, Any]:
    """Measure all molecules of a phased store."""
    data, phased = TripletStore(given.data), PhasedStore(given.phased)
    if phased.source_identity != data.identity:
        raise ConfigError(f"{given.phased}: was phased from other data than {given.data}")
    molecules = data.structures()
    rows = []
    for one, true in zip(
        particles_of_store(phased, molecules), particles_of_store(data, molecules), strict=True
    ):
        rows.append(compare(one, true))
        before, after = rows[-1]["phased"], rows[-1]["found"]
        print(
            f"{one.name}: median {before['median_angstrom']:.2f} to "
            f"{after['median_angstrom']:.3f} Å, "
            f"rms {before['rms_angstrom']:.2f} to {after['rms_angstrom']:.3f} Å, "
            f"{rows[-1]['cpu_s']:.0f} CPU s",
            flush=True,
        )
    return {"data": data.identity, "method": phased.method, "molecules": rows}


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("phased", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(words)
    try:
        write_json(given.out, study(given))
    except DiffraganError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
