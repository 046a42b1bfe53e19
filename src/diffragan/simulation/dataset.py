"""A whole data set: every molecule in every orientation, on several workers, resumable.

Each item depends on the seed, its molecule and its number alone, and is computed by one thread, so
the bytes do not depend on the number of workers or on interruptions.
"""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError, InputError, OutputError
from diffragan.io.files import output_folder
from diffragan.io.provenance import provenance
from diffragan.io.rotated import write_rotated_structure
from diffragan.io.store_writer import StoreWriter, check_disk, check_store_target, write_item
from diffragan.io.triplets import (
    KIND,
    StructureEntry,
    molecule_arrays,
    triplet_attributes,
    triplet_specs,
)
from diffragan.physics.forward import measured_region
from diffragan.progress import progress_bar
from diffragan.rotations import matrix_from_quaternion
from diffragan.simulation.orientations import Pose, check_fits, item_generator, posed, random_pose
from diffragan.simulation.triplet import ENGINES, simulate_triplet
from diffragan.simulation.workers import CHUNK, set_up_worker, worker_count
from diffragan.structures.prepared import PreparedStructure


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a worker needs to make any item."""

    experiment: Experiment
    structures: tuple[PreparedStructure, ...]
    seed: int
    engine: str
    device: str
    rotated_folder: Path | None

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.structures) * self.experiment.orientations

    def pose(self, item: int) -> tuple[Pose, np.random.Generator]:
        """How the molecule of an item stands, and the generator to draw its noise from."""
        index, orientation = divmod(item, self.experiment.orientations)
        structure = self.structures[index]
        generator = item_generator(self.seed, structure.sha256, orientation)
        return random_pose(structure.model, generator), generator


def simulate_dataset(
    structures: Sequence[PreparedStructure],
    experiment: Experiment,
    seed: int,
    out: Path,
    *,
    engine: str = "torch",
    device: str = "cpu",
    workers: int | None = None,
    rotated_folder: Path | None = None,
) -> Path:
    """Simulate `experiment.orientations` triplets of each molecule into the store `out`.

    Takes up an interrupted run of the same settings where it stopped.

    Parameters
    ----------
    structures : Prepared molecules, each of another name.
    experiment : Beam, box, detector, images and numerics.
    seed : Seed of orientations and noise.
    out : The store, a name that ends in `.zarr`.
    engine : `torch`, or `abtem` for the reference.
    device : `cpu` or a CUDA device.
    workers : Processes; the machine's cores when left out. A GPU is fed by one.
    rotated_folder : Where to write each turned molecule as PDB, if wanted.

    Raises
    ------
    ConfigError : The seed or the number of workers cannot be used, or the memory is too small.
    InputError : A molecule does not fit its box.
    OutputError : The disk is too small or `out` cannot be written.
    """
    if not structures:
        raise InputError("no structures to simulate; give files that `diffragan prepare` wrote")
    if seed < 0:
        raise ConfigError(f"the seed is {seed}; use a whole number that is not negative")
    plan = Plan(experiment, tuple(structures), seed, engine, device, rotated_folder)
    entries = [
        StructureEntry(
            s.name,
            s.mass_kda,
            s.sha256,
            s.model.positions.double().numpy(),
            s.model.atomic_numbers.numpy(),
        )
        for s in structures
    ]
    specs = triplet_specs(experiment, len(plan), sum(len(e.positions) for e in entries))
    check_store_target(out, KIND)
    check_disk(out, specs)
    worker_count(workers, len(plan), experiment)
    _check_all_fit(plan)
    made_by = provenance(
        "simulate",
        {"engine": engine, **experiment.model_dump(mode="json")},
        seed,
        {s.name: s.sha256 for s in structures},
    )
    with StoreWriter(out, KIND, specs, triplet_attributes(experiment, entries, made_by)) as writer:
        region = measured_region(
            experiment.diffraction_pixels, experiment.diffraction.direct_beam_pixels
        )
        writer.write_whole({**molecule_arrays(entries), "measured": region.numpy()})
        if rotated_folder is not None:
            output_folder(rotated_folder)
            # The run that is taken up may not have been asked for them.
            for item in sorted(writer.done):
                _write_rotated(plan, item, rotated_folder)
        remaining = [item for item in range(len(plan)) if item not in writer.done]
        with progress_bar(len(plan), "simulating", done=len(writer.done)) as bar:
            for item in _compute(plan, remaining, writer.partial, workers):
                writer.mark(item)
                bar.advance()
        writer.finish()
    return out


def make_item(plan: Plan, item: int, partial: Path) -> None:
    """Simulate one item and write it into the growing store."""
    molecule = item // plan.experiment.orientations
    pose, generator = plan.pose(item)
    model = posed(plan.structures[molecule].model, pose)
    triplet = simulate_triplet(
        model.to(plan.device), plan.experiment, generator, ENGINES[plan.engine]
    )
    if plan.rotated_folder is not None:
        _write_rotated(plan, item, plan.rotated_folder)
    write_item(
        partial,
        item,
        {
            "diffraction": triplet.diffraction.cpu().numpy(),
            "low_resolution": triplet.low_resolution.numpy(),
            "high_resolution": triplet.high_resolution.cpu().numpy(),
            "exit_wave": triplet.exit_wave.cpu().numpy(),
            "orientation": pose.quaternion,
            "shift": pose.shift,
            "structure": molecule,
            "low_resolution_dose": triplet.low_resolution_dose_e_per_a2,
            "low_resolution_snr": triplet.low_resolution_snr,
        },
    )


def _write_rotated(plan: Plan, item: int, folder: Path) -> None:
    molecule, orientation = divmod(item, plan.experiment.orientations)
    structure, (pose, _) = plan.structures[molecule], plan.pose(item)
    write_rotated_structure(
        structure.path,
        folder / f"{structure.name}_{orientation:05d}.pdb",
        matrix_from_quaternion(pose.quaternion),
        pose.shift,
    )


def _check_all_fit(plan: Plan) -> None:
    count = plan.experiment.orientations
    for index, structure in enumerate(plan.structures):
        poses = (plan.pose(item)[0] for item in range(index * count, (index + 1) * count))
        check_fits(structure.name, structure.model, poses, plan.experiment.box_angstrom)


def _compute(plan: Plan, items: Sequence[int], partial: Path, workers: int | None) -> Iterator[int]:
    """Make `items` and yield each one's number when it is written."""
    count = worker_count(workers, len(items), plan.experiment)
    if count <= 1 or plan.device != "cpu":
        yield from _compute_here(plan, items, partial)
        return
    chunks = [list(items[start : start + CHUNK]) for start in range(0, len(items), CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, initializer=_begin, initargs=(plan, partial)) as pool:
        futures = [pool.submit(_make_chunk, chunk) for chunk in chunks]
        try:
            for future in as_completed(futures):
                yield from future.result()
        except BrokenProcessPool:
            raise OutputError(
                "a worker process was ended from outside, perhaps for lack of memory; run the same "
                "command again to go on, with fewer `--workers`"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _compute_here(plan: Plan, items: Sequence[int], partial: Path) -> Iterator[int]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for item in items:
            make_item(plan, item, partial)
            yield item
    finally:
        torch.set_num_threads(threads)


_worker: tuple[Plan, Path] | None = None


def _begin(plan: Plan, partial: Path) -> None:
    """Set a worker process up."""
    global _worker  # noqa: PLW0603 - a process pool has no other place for a worker's state
    set_up_worker()
    _worker = (plan, partial)


def _make_chunk(items: Sequence[int]) -> list[int]:
    assert _worker is not None
    for item in items:
        make_item(_worker[0], item, _worker[1])
    return list(items)
