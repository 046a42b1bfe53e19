"""A whole data set: every molecule in every orientation, on several workers, resumable.

Each item depends on the seed, its molecule and its number alone, and is computed by one thread, so
the bytes do not depend on the number of workers or on interruptions. A GPU computes items in groups
that are fixed by their numbers.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from diffragan.config.experiment import Experiment
from diffragan.errors import ConfigError, InputError
from diffragan.io.files import output_folder
from diffragan.io.ice_block import packaged_ice_block
from diffragan.io.provenance import provenance
from diffragan.io.rotated import write_moved_structure
from diffragan.io.store_checks import check_disk, check_store_target
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import (
    KIND,
    StructureEntry,
    molecule_arrays,
    triplet_attributes,
    triplet_specs,
)
from diffragan.physics.forward import measured_region
from diffragan.physics.illumination import beam_area_angstrom2
from diffragan.progress import progress_bar
from diffragan.simulation.batched import poses_together, simulate_scenes
from diffragan.simulation.cluster import (
    LocalWorkers,
    Place,
    RunningScheduler,
    SlurmJobs,
    check_place,
)
from diffragan.simulation.conformations import check_populations
from diffragan.simulation.orientations import check_fits, size_in_poses
from diffragan.simulation.plan import Plan, Scene, make_plan
from diffragan.simulation.specimen import with_thermal_motion
from diffragan.simulation.triplet import Triplet, layout
from diffragan.simulation.workers import memory_bytes, worker_count
from diffragan.structures.prepared import PreparedStructure
from diffragan.structures.superposition import superposed
from diffragan.threads import one_thread


def simulate_dataset(
    structures: Sequence[PreparedStructure],
    experiment: Experiment,
    seed: int,
    out: Path,
    *,
    engine: str = "torch",
    device: str = "cpu",
    workers: int | None = None,
    cluster: RunningScheduler | SlurmJobs | None = None,
    rotated_folder: Path | None = None,
) -> Path:
    """Simulate `experiment.orientations` triplets of each molecule into the store `out`.

    Takes up an interrupted run of the same settings where it stopped.

    Parameters
    ----------
    structures : Prepared molecules, each of another name.
    experiment : Specimen, beam, box, detector, images and numerics.
    seed : Seed of orientations and noise.
    out : The store, a name that ends in `.zarr`.
    engine : `torch`, or `abtem` for the reference.
    device : `cpu` or a CUDA device.
    workers : Processes; the machine's cores when left out. A GPU is fed by one.
    cluster : Workers elsewhere, on the CPU, instead of processes of this machine.
    rotated_folder : Where to write each turned molecule as PDB, if wanted.

    Raises
    ------
    ConfigError : The seed or the number of workers cannot be used, the memory is too small, or
        the specimen or the detector asked for is impossible.
    InputError : A molecule does not fit its box.
    OutputError : The disk is too small or `out` cannot be written.
    """
    if not structures:
        raise InputError("no structures to simulate; give files that `diffragan prepare` wrote")
    if seed < 0:
        raise ConfigError(f"the seed is {seed}; use a whole number that is not negative")
    if cluster is not None and device != "cpu":
        raise ConfigError(f"workers on a cluster compute on the CPU, and the device is '{device}'")
    check_populations(experiment.specimen.conformations, len(structures))
    if engine == "abtem" and experiment.specimen.thermal_motion == "b_factors":
        raise ConfigError(
            "abTEM knows no B-factors; set specimen.thermal_motion to 'frozen_phonons', or use "
            "--engine torch"
        )
    if engine == "abtem" and experiment.numerics.multiple_scattering_per_angstrom is not None:
        raise ConfigError(
            "abTEM scatters between all states of a grid; leave "
            "numerics.multiple_scattering_per_angstrom out, or use --engine torch"
        )
    for one in structures:  # says now, not at the first item, whose B-factors are missing
        with_thermal_motion(one.model, experiment.specimen, one.name)
    measured = layout(experiment, seed).measured & measured_region(
        experiment.diffraction_pixels, experiment.diffraction.direct_beam_pixels
    )
    if experiment.specimen.conformations.populations:
        structures = superposed(list(structures))
    plan = make_plan(experiment, structures, seed, engine, device, rotated_folder)
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
    check_disk(out, specs, "fewer orientations")
    if cluster is None:
        worker_count(workers, len(plan), experiment)
    else:
        check_place(cluster)
    _check_all_fit(plan)
    made_by = provenance(
        "simulate",
        {"engine": engine, **experiment.model_dump(mode="json")},
        seed,
        _inputs(structures, experiment),
    )
    exposure = experiment.detector.exposure_e_per_a2
    area = beam_area_angstrom2(experiment.beam, experiment.simulation_grid)
    attributes = triplet_attributes(
        experiment, entries, made_by, None if exposure is None else exposure * area
    )
    with StoreWriter(out, KIND, specs, attributes) as writer:
        writer.write_whole({**molecule_arrays(entries), "measured": measured.numpy()})
        if rotated_folder is not None:
            output_folder(rotated_folder)
            # The run that is taken up may not have been asked for them.
            for item in sorted(writer.done):
                _write_rotated(plan, item, rotated_folder)
        remaining = [item for item in range(len(plan)) if item not in writer.done]
        place = cluster or _place(plan, len(remaining), workers)
        with (
            progress_bar(len(plan), "simulating", done=len(writer.done)) as bar,
            closing(_compute(plan, remaining, writer.partial, place)) as made,
        ):
            for item in made:
                writer.mark(item)
                bar.advance()
        writer.finish()
    return out


def make_item(plan: Plan, item: int, partial: Path) -> None:
    """Simulate one item and write it into the growing store."""
    scene = plan.scene(item)
    (triplet,) = simulate_scenes(plan, [scene], [plan.experiment], together=1)
    _write(plan, item, scene, triplet, partial)


def make_group(
    plan: Plan, group: range, together: int, wanted: Collection[int], partial: Path
) -> Iterator[int]:
    """Simulate a group of items, many waves at once; write and yield the wanted ones.

    All of the group are computed, so that the bits of an item do not depend on which others are
    there already.
    """
    scenes = [plan.scene(item) for item in group]
    triplets = simulate_scenes(plan, scenes, [plan.experiment] * len(scenes), together)
    for item, scene, triplet in zip(group, scenes, triplets, strict=True):
        if item in wanted:
            _write(plan, item, scene, triplet, partial)
            yield item


def _write(plan: Plan, item: int, scene: Scene, triplet: Triplet, partial: Path) -> None:
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
            "orientation": scene.pose.quaternion,
            "shift": scene.pose.shift,
            "structure": scene.structure,
            "low_resolution_dose": triplet.low_resolution_dose_e_per_a2,
            "low_resolution_snr": triplet.low_resolution_snr,
        },
    )


def _inputs(structures: Sequence[PreparedStructure], experiment: Experiment) -> dict[str, str]:
    """Hashes of everything that the data are made from."""
    inputs = {s.name: s.sha256 for s in structures}
    if experiment.specimen.ice_thickness_angstrom is not None:
        inputs["block of vitreous ice"] = packaged_ice_block().sha256
    return inputs


def _write_rotated(plan: Plan, item: int, folder: Path) -> None:
    scene = plan.scene(item)
    structure = plan.structures[scene.structure]
    write_moved_structure(
        structure.path,
        folder / f"{structure.name}_{scene.number:05d}.pdb",
        scene.model.positions.double().numpy(),
    )


def _check_all_fit(plan: Plan) -> None:
    box = plan.experiment.box_angstrom
    ice = plan.experiment.specimen.ice_thickness_angstrom
    plan.experiment.beam.check_probe_holds(max(plan.extents_angstrom))
    sizes = []
    for index, structure in enumerate(plan.structures):
        # Turning a molecule in every way takes a while; most fit however they are turned.
        if plan.extents_angstrom[index] > min(box, ice or box):
            scenes = map(plan.scene, plan.items_of(index))
            poses = (scene.model for scene in scenes if scene.structure == index)
            sizes.append(size_in_poses(structure.name, poses))
    check_fits(sizes, box, ice)


def _compute(
    plan: Plan, items: Sequence[int], partial: Path, place: Place | None
) -> Generator[int, None, None]:
    """Make `items` and yield each one's number when it is written; here if there is no place."""
    if place is None:
        yield from _compute_here(plan, items, partial)
        return
    from diffragan.simulation.distribute import run_items  # noqa: PLC0415 - Dask loads slowly
    from diffragan.simulation.item_maker import Work  # noqa: PLC0415

    work = Work(make_item, _elsewhere(plan), partial.absolute(), memory_bytes(plan.experiment))
    yield from run_items(work, items, place)


def _place(plan: Plan, items: int, workers: int | None) -> Place | None:
    """Where to make so many items: None is this process."""
    count = worker_count(workers, items, plan.experiment)
    return LocalWorkers(count) if count > 1 and plan.device == "cpu" else None


def _elsewhere(plan: Plan) -> Plan:
    """Return the plan with paths that mean the same in another working directory."""
    folder = plan.rotated_folder
    return replace(
        plan,
        structures=tuple(replace(s, path=s.path.absolute()) for s in plan.structures),
        rotated_folder=folder and folder.absolute(),
    )


def _compute_here(plan: Plan, items: Sequence[int], partial: Path) -> Iterator[int]:
    together = poses_together(plan.experiment, plan.device, plan.engine)
    with one_thread():
        if together == 1:
            for item in items:
                make_item(plan, item, partial)
                yield item
            return
        wanted = set(items)
        size = max(1, together // plan.experiment.specimen.configurations)
        for first in range(0, len(plan), size):
            group = range(first, min(first + size, len(plan)))
            if not wanted.isdisjoint(group):
                yield from make_group(plan, group, together, wanted, partial)
