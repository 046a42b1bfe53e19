"""What one wave costs: time and memory against atoms, box and number of orientations.

Molecules are villin, other prepared files, and complexes of copies of the largest one, up to
500 kDa. Each wave is computed as `simulate` computes it at an accuracy of 1 % inside 20 mrad, by a
process of its own with one thread. Run:
python benchmarks/simulation_cost.py [PREPARED.pdb ...] --json OUT.json --figure OUT.png
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from diffragan.config.accuracy import sampling_for
from diffragan.config.numerics import fast_even
from diffragan.electron import Electron
from diffragan.grid import Grid
from diffragan.io.files import atomic_path, write_json
from diffragan.io.machine import cpu_model, peak_memory_bytes
from diffragan.simulation.orientations import item_generator, largest_extent, posed, random_pose
from diffragan.simulation.wave_task import WaveTask
from diffragan.structures.atomic_model import AtomicModel
from diffragan.structures.example import villin_path
from diffragan.structures.prepare import prepare_structure, write_preparation
from diffragan.structures.prepared import PreparedStructure, read_prepared

ELECTRON = Electron(200.0)
RECORDED = ELECTRON.frequency_per_angstrom(20.0)
ACCURACY = 0.01
BOXES_ANGSTROM = (60.0, 80.0, 100.0, 140.0, 180.0, 220.0)
ATOM_SHARES = (0.125, 0.25, 0.5, 1.0)
LARGEST_KDA = 500.0
REPEATS = 5
GAP_ANGSTROM = 2.0
"""Distance between the bounding boxes of the copies in a complex."""
MIB = 2**20


def task(model: AtomicModel, box_angstrom: float | None = None) -> WaveTask:
    """Return the task of one wave; the box is the smallest when left out."""
    rule = sampling_for(
        ACCURACY, ELECTRON, recorded_per_angstrom=RECORDED, needed_per_angstrom=2**0.5 * RECORDED
    )
    box = box_angstrom or float(model.extent().max()) + 2 * rule.margin_angstrom
    grid = Grid(fast_even(3 * rule.band_limit_per_angstrom * box), box)
    return WaveTask(model, ELECTRON, grid, grid, box, rule.slice_thickness_angstrom)


def complex_of(structure: PreparedStructure, copies: int) -> AtomicModel:
    """Put copies of a molecule, each in another orientation, on a cubic lattice."""
    at_rest = replace(structure.model, b_factors=None)
    side = ceil(copies ** (1 / 3))
    spacing = _spacing(at_rest)
    positions = []
    for number in range(copies):
        pose = random_pose(at_rest, item_generator(0, structure.sha256, number))
        place = torch.tensor(np.unravel_index(number, (side, side, side)), dtype=torch.float32)
        positions.append(posed(at_rest, pose).positions + (place - (side - 1) / 2) * spacing)
    whole = torch.cat(positions)
    middle = (whole.amax(0) + whole.amin(0)) / 2
    return AtomicModel(whole - middle, at_rest.atomic_numbers.repeat(copies))


def _spacing(model: AtomicModel) -> float:
    """Distance at which copies in any orientation seldom overlap: that of spheres as dense."""
    return 0.8 * largest_extent(model) + GAP_ANGSTROM


def _measure(one: WaveTask, pipe: Any) -> None:
    torch.set_num_threads(1)
    before = peak_memory_bytes()
    with torch.inference_mode():
        one.wave()
        seconds = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            one.wave()
            seconds.append(time.perf_counter() - began)
    pipe.send((min(seconds), peak_memory_bytes() / MIB, before / MIB))


def measured(one: WaveTask, **labels: Any) -> dict[str, Any]:
    """Time a wave in a fresh process, whose peak memory is that of this wave alone."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_measure, args=(one, there))
    process.start()
    seconds, peak, empty = here.recv()
    process.join()
    row = {
        **labels,
        "atoms": len(one.model.positions),
        "box_angstrom": one.whole.box_angstrom,
        "pixels": one.whole.pixels,
        "slice_thickness_angstrom": one.slice_thickness_angstrom,
        "seconds": seconds,
        "peak_mib": peak,
        "peak_mib_of_wave": peak - empty,
    }
    print(
        f"{labels['name']:<12} {row['atoms']:>6} atoms {row['box_angstrom']:>6.1f} Å "
        f"{row['pixels']:>5} px {seconds:>8.3f} s {peak:>6.0f} MiB",
        flush=True,
    )
    return row


def exponent(rows: Sequence[dict[str, Any]], x: str, y: str) -> float:
    """Slope of a straight line through two quantities in logarithms."""
    a, b = (np.log([row[key] for row in rows]) for key in (x, y))
    return float(np.polyfit(a, b, 1)[0])


def study(structures: Sequence[PreparedStructure]) -> dict[str, Any]:
    largest = max(structures, key=lambda one: len(one.model.positions))
    at_rest = replace(largest.model, b_factors=None)
    shift = -(at_rest.positions.amax(0) + at_rest.positions.amin(0)) / 2
    centred = at_rest.shifted(shift)
    order = torch.randperm(len(at_rest.positions), generator=torch.Generator().manual_seed(0))
    parts = []
    for share in ATOM_SHARES:
        some = order[: int(share * len(order))]
        part = AtomicModel(centred.positions[some], centred.atomic_numbers[some])
        parts.append(measured(task(part, BOXES_ANGSTROM[1]), name=f"{share:g} of it"))
    boxes = [
        measured(task(centred, box), name=largest.name)
        for box in BOXES_ANGSTROM
        if box > float(centred.extent().max())
    ]
    growing = [
        measured(task(complex_of(one, 1)), name=one.name, mass_kda=one.mass_kda)
        for one in sorted(structures, key=lambda one: len(one.model.positions))
    ]
    for copies in (2, 4, 8, ceil(LARGEST_KDA / largest.mass_kda)):
        growing.append(
            measured(
                task(complex_of(largest, copies)),
                name=f"{copies} x {largest.name}",
                mass_kda=copies * largest.mass_kda,
            )
        )
    return {
        "machine": cpu_model(),
        "atoms_in_one_box": parts,
        "one_molecule_in_boxes": boxes,
        "molecules_in_their_boxes": growing,
        "orientations": orientations(centred),
        "exponents": {
            "seconds_with_atoms_in_one_box": exponent(parts, "atoms", "seconds"),
            "seconds_with_box": exponent(boxes, "box_angstrom", "seconds"),
            "seconds_with_atoms": exponent(growing, "atoms", "seconds"),
            "memory_with_atoms": exponent(growing, "atoms", "peak_mib_of_wave"),
        },
    }


def orientations(model: AtomicModel) -> list[dict[str, float]]:
    """Time many waves one after the other: what the first one costs more."""
    torch.set_num_threads(1)
    rows = []
    with torch.inference_mode():
        one = task(model, BOXES_ANGSTROM[1])
        for count in (1, 4, 16, 64):
            began = time.perf_counter()
            for _ in range(count):
                one.wave()
            rows.append({"orientations": count, "seconds": time.perf_counter() - began})
    return rows


def draw(result: dict[str, Any], path: Path) -> None:
    mpl.use("Agg")
    plt.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    slopes = result["exponents"]
    growing, boxes = result["molecules_in_their_boxes"], result["one_molecule_in_boxes"]
    slope = slopes["seconds_with_atoms"]
    _panel(axes[0, 0], growing, "atoms", "seconds", f"Time: atoms$^{{{slope:.2f}}}$")
    slope = slopes["memory_with_atoms"]
    title = f"Memory of the wave: atoms$^{{{slope:.2f}}}$"
    _panel(axes[0, 1], growing, "atoms", "peak_mib_of_wave", title)
    slope = slopes["seconds_with_box"]
    title = f"One molecule in larger boxes: box$^{{{slope:.2f}}}$"
    _panel(axes[1, 0], boxes, "box_angstrom", "seconds", title)
    many = result["orientations"]
    title = f"Many orientations: number$^{{{exponent(many, 'orientations', 'seconds'):.2f}}}$"
    _panel(axes[1, 1], many, "orientations", "seconds", title)
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=130)
    plt.close(figure)


LABELS = {
    "atoms": "atoms, in the smallest box",
    "seconds": "time on one thread [s]",
    "peak_mib_of_wave": "peak memory [MiB]",
    "box_angstrom": "side of the box [Å]",
    "orientations": "orientations",
}


def _panel(axis: Axes, rows: Sequence[dict[str, Any]], x: str, y: str, title: str) -> None:
    values_x = np.array([row[x] for row in rows])
    values_y = np.array([row[y] for row in rows])
    axis.loglog(values_x, values_y, "o", color="#2e6fb2")
    slope, offset = np.polyfit(np.log(values_x), np.log(values_y), 1)
    line = np.geomspace(values_x.min(), values_x.max(), 20)
    axis.loglog(line, np.exp(offset) * line**slope, color="#222222", lw=1)
    axis.set_xlabel(LABELS[x])
    axis.set_ylabel(LABELS[y])
    axis.set_title(title)
    for one in (axis.xaxis, axis.yaxis):
        one.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        one.set_major_formatter(lambda value, _: f"{value:,g}")
    axis.minorticks_off()
    axis.tick_params(labelsize=9)
    axis.grid(alpha=0.25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("structures", nargs="*", type=Path, help="prepared structures")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        villin = write_preparation(prepare_structure(villin_path()), Path(folder))
        structures = [read_prepared(path) for path in (villin, *arguments.structures)]
    result = study(structures)
    print({name: round(value, 2) for name, value in result["exponents"].items()})
    if arguments.json:
        write_json(arguments.json, result)
    if arguments.figure:
        draw(result, arguments.figure)


if __name__ == "__main__":
    main()
