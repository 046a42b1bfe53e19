"""Maps by RELION: known poses inserted, near ones refined, unknown ones found."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from diffragan.errors import MissingExtraError
from diffragan.io.files import output_folder
from diffragan.io.star import image_name, read_particles
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.particle_files import write_particle_table
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.relion.commands import (
    RelionSettings,
    continue_command,
    initial_model_command,
    reconstruct_command,
    refine_command,
)
from diffragan.reconstruction.relion.program import Relion
from diffragan.reconstruction.relion.results import (
    ROOT,
    RefinedFiles,
    initial_map,
    is_refined,
    last_iteration,
    read_map,
    refined_files,
    refined_maps,
    refined_poses,
)
from diffragan.reconstruction.relion.running import run_program
from diffragan.reconstruction.sources.particle_set import ParticleSet
from diffragan.typing import Int, Tensor

INPUT, LOG = "input.star", "relion.log"
INITIAL, REFINED, KNOWN = "initial", "refine", "known"
Way = Literal["known", "refine", "unknown"]


@dataclass(frozen=True, slots=True)
class ByRelion:
    """What RELION made of the particles."""

    maps: Maps
    poses: Poses
    half_sets: Int[Tensor, " n"]
    converged: bool = True
    """Whether a refinement ended by itself, and not at its most iterations."""


def reconstruct_with_relion(
    relion: Relion,
    particles: ParticleSet,
    way: Way,
    half_sets: Int[Tensor, " n"],
    folder: Path,
    settings: RelionSettings,
    stack: Path | None = None,
) -> ByRelion:
    """Make a map, going on where an earlier call in the same folder was stopped.

    Parameters
    ----------
    relion : The program.
    particles : The images, with poses unless `way` is `unknown`.
    way : What is done about their poses.
    half_sets : `(n,)` 0 or 1; RELION keeps them apart.
    folder : For RELION's files and its log.
    settings : What it is asked for.
    stack : One stack with all images in order; those they came from when left out.

    Raises
    ------
    MissingExtraError : RELION's parallel program is needed and not there.
    ProgramError : RELION failed.
    """
    output_folder(folder)
    known = None if way == "unknown" else particles.poses
    star = write_particle_table(particles, folder / INPUT, known, half_sets, stack=stack)
    settings = replace(settings, batch=min(settings.batch, particles.count))
    if way != "known" and not relion.launcher:
        raise MissingExtraError(
            "RELION refines half sets with relion_refine_mpi and mpirun, and one is not on the "
            "path; install them, or use --engine embedded"
        )
    if way == "known":
        assert particles.poses is not None
        maps = _insert(folder, settings, particles.count)
        return ByRelion(maps, particles.poses, half_sets)
    reference = (
        _initial(relion, folder, settings) if way == "unknown" else _from_poses(folder, settings)
    )
    refined = _refine(relion, folder, reference, settings, local=way == "refine")
    given = read_particles(star)
    names = [image_name(s, int(i)) for s, i in zip(given.stacks, given.indices, strict=True)]
    poses, halves = refined_poses(refined.particles, names)
    return ByRelion(refined_maps(refined, particles.count), poses, halves, refined.converged)


def _insert(folder: Path, settings: RelionSettings, views: int) -> Maps:
    output_folder(folder / KNOWN)
    volumes = []
    for half, name in ((0, "map"), (1, "half1"), (2, "half2")):
        out = f"{KNOWN}/{name}.mrc"
        command = reconstruct_command(INPUT, out, settings, half)
        run_program(command, folder, folder / LOG, f"RELION: {name} of known poses")
        volumes.append(read_map(folder / out))
    full, half1, half2 = volumes
    return Maps(full, half1, half2, views)


def _from_poses(folder: Path, settings: RelionSettings) -> str:
    output_folder(folder / KNOWN)
    out = f"{KNOWN}/map.mrc"
    if not (folder / REFINED / f"{ROOT}_it000_optimiser.star").is_file():
        command = reconstruct_command(INPUT, out, settings)
        run_program(command, folder, folder / LOG, "RELION: map of the given poses")
    return out


def _initial(relion: Relion, folder: Path, settings: RelionSettings) -> str:
    """Make the initial model, or what is left of it; return its map."""
    place, total = output_folder(folder / INITIAL), settings.initial_iterations
    if initial_map(place, total) is None:
        last = last_iteration(place)
        command = (
            initial_model_command(relion, INPUT, f"{INITIAL}/{ROOT}", settings)
            if last is None
            else continue_command(
                relion, f"{INITIAL}/{last[1].name}", f"{INITIAL}/{ROOT}", settings, parallel=False
            )
        )
        run_program(command, folder, folder / LOG, "RELION: initial model", total)
    found = initial_map(place, total)
    return str((found or place / f"{ROOT}_class001.mrc").relative_to(folder))


def _refine(
    relion: Relion, folder: Path, reference: str, settings: RelionSettings, *, local: bool
) -> RefinedFiles:
    """Refine, or finish a refinement; return what it wrote."""
    place, out = output_folder(folder / REFINED), f"{REFINED}/{ROOT}"
    last, most = last_iteration(place), settings.most_iterations
    if not (is_refined(place) or (last and most and last[0] >= most)):
        command = (
            refine_command(relion, INPUT, reference, out, settings, local=local)
            if last is None
            else continue_command(relion, f"{REFINED}/{last[1].name}", out, settings, parallel=True)
        )
        run_program(command, folder, folder / LOG, "RELION: auto-refine", most)
    return refined_files(place)
