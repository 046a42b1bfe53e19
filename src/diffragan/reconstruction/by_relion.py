"""A reconstruction that RELION makes, from our request and back to our terms."""

from pathlib import Path

from diffragan.errors import MissingExtraError, ProgramError
from diffragan.io.files import output_folder
from diffragan.phasing.normalised import is_normalised
from diffragan.progress import tell
from diffragan.reconstruction.found import Found
from diffragan.reconstruction.particle_files import STACK, write_particle_stack
from diffragan.reconstruction.relion.commands import (
    FEWEST_ITERATIONS,
    RelionSettings,
    postprocess_command,
)
from diffragan.reconstruction.relion.engine import LOG, reconstruct_with_relion
from diffragan.reconstruction.relion.program import Relion
from diffragan.reconstruction.relion.running import run_program
from diffragan.reconstruction.request import Request
from diffragan.reconstruction.sources.particle_set import BATCH, ParticleSet
from diffragan.reconstruction.unfinished import claim_folder
from diffragan.typing import Int, Tensor

FOLDER = "relion"
POSTPROCESSED = "postprocess"
"""Folder and name: RELION puts a log into the folder of what it writes."""
DIAMETER_OF_BOX = 0.9
"""Share of the box that a particle of unknown size is given."""
CHECKED_IMAGES = 2 * BATCH
JOINED_DIAMETERS = 0.7
"""Share of the diameter at which half maps are one and an initial model begins [Å]."""


def reconstruct_by_relion(
    relion: Relion,
    particles: ParticleSet,
    request: Request,
    half_sets: Int[Tensor, " n"],
    folder: Path,
    threads: int,
) -> Found:
    """Let RELION make the map, in a folder `relion` within `folder`.

    Its images are those of the STAR file, unless they are not normalised: then a stack that is.
    """
    place = claim_folder(
        folder / FOLDER,
        {"settings": request.fingerprint(), "inputs": dict(particles.inputs)},
    )
    stack = place / STACK if needs_own_stack(particles) else None
    if stack is not None and not stack.is_file():
        write_particle_stack(particles, place)
    settings = relion_settings(particles, request, threads)
    assert request.poses != "shifts"
    made = reconstruct_with_relion(
        relion, particles, request.poses, half_sets, place, settings, stack
    )
    notes = {"relion_version": relion.version, "converged": made.converged}
    return Found(made.maps, made.poses, made.half_sets, stack=stack, notes=notes)


def postprocess(folder: Path, pixel_angstrom: float) -> None:
    """Let RELION filter the map by its halves' correlation in our mask, in `relion/postprocess`.

    It refuses some maps, as those whose halves agree to the end: that is told, and no failure.
    """
    place = folder / FOLDER
    output_folder(place / POSTPROCESSED)
    out = f"{POSTPROCESSED}/{POSTPROCESSED}"
    command = postprocess_command(
        "../half1.mrc", "../half2.mrc", "../mask.mrc", out, pixel_angstrom
    )
    try:
        run_program(command, place, place / LOG, "RELION: post-processing")
    except (ProgramError, MissingExtraError) as error:
        tell(f"without post-processing: {error}")


def relion_settings(particles: ParticleSet, request: Request, threads: int) -> RelionSettings:
    """Turn a request into RELION's terms."""
    grid = particles.grid
    diameter = request.diameter_angstrom or DIAMETER_OF_BOX * grid.box_angstrom
    finest = 2 * grid.pixel_angstrom
    begin = max(JOINED_DIAMETERS * diameter, 3 * finest)
    asked = request.iterations
    changed = {} if asked is None else {"initial_iterations": max(FEWEST_ITERATIONS, asked)}
    return RelionSettings(
        symmetry=request.symmetry,
        diameter_angstrom=min(diameter, grid.box_angstrom - finest),
        max_shift_pixels=max(1, round(request.max_shift_angstrom / grid.pixel_angstrom)),
        initial_resolution_angstrom=begin,
        final_resolution_angstrom=max(12.0, 2 * finest),
        most_iterations=request.iterations,
        ranks=request.ranks,
        threads=max(1, threads // request.ranks),
        seed=request.seed + 1,  # it takes one below zero, and some versions zero, for random
        **changed,
    )


def needs_own_stack(particles: ParticleSet) -> bool:
    """Whether the images lie in no stack yet, or not normalised."""
    if particles.image_names is None:
        return True
    some = range(0, particles.count, max(1, particles.count // CHECKED_IMAGES))
    return not is_normalised(particles.read(list(some)[:CHECKED_IMAGES]))
