"""Particles written as RELION, cryoSPARC and cryoDRGN take them: a STAR file and its stack."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.mrc_stack import write_stack_in_parts
from diffragan.io.star import HALF, image_name, write_particles
from diffragan.io.star_tables import PLAIN_WORD
from diffragan.phasing.normalised import normalised
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import BATCH, ParticleSet
from diffragan.typing import Int, Tensor

STACK, STAR = "particles.mrcs", "particles.star"


def write_particle_stack(particles: ParticleSet, folder: Path) -> Path:
    """Write all images, normalised, as `particles.mrcs` into a folder."""

    def parts() -> Iterator[NDArray[np.float32]]:
        for start in range(0, particles.count, BATCH):
            some = list(range(start, min(start + BATCH, particles.count)))
            yield normalised(particles.read(some)).numpy()

    path, grid = folder / STACK, particles.grid
    write_stack_in_parts(
        path, parts(), particles.count, grid.pixels, grid.pixel_angstrom, particles.name
    )
    return path


def write_particle_table(
    particles: ParticleSet,
    path: Path,
    poses: Poses | None,
    half_sets: Int[Tensor, " n"] | None = None,
    *,
    stack: Path | None = None,
) -> Path:
    """Write a STAR file of all particles; its stacks are named relative to its folder.

    Parameters
    ----------
    particles : The images.
    path : STAR file to write; an older one is replaced.
    poses : How the molecule lies in each image; left out when not known.
    half_sets : `(n,)` 0 or 1, written as rlnRandomSubset 1 or 2.
    stack : One stack that holds all of them in order; those they came from when left out.

    Raises
    ------
    InputError : RELION could not read the name of a stack from this folder.
    """
    extra = dict(particles.columns)
    if half_sets is not None:
        extra[HALF] = [str(int(which) + 1) for which in half_sets]
    write_particles(
        path,
        STACK,
        particles.optics,
        particles.count,
        rotations=None if poses is None else poses.rotations.double().numpy(),
        # RELION's origin is the shift that centres the image: ours, undone.
        origins_angstrom=None if poses is None else -poses.shifts_angstrom.double().numpy(),
        extra=extra,
        image_names=_names(particles, path.parent, stack),
    )
    return path


def _names(particles: ParticleSet, folder: Path, stack: Path | None) -> list[str]:
    """Name each image by its stack, relative to a folder."""
    places = (
        [(str(stack), number) for number in range(particles.count)]
        if stack is not None or particles.image_names is None
        else [particles.image_names(number) for number in range(particles.count)]
    )
    relative = {path: os.path.relpath(path, folder) for path in {path for path, _ in places}}
    for path, name in relative.items():
        if not PLAIN_WORD.fullmatch(image_name(name, 0)):
            raise InputError(
                f"{path}: RELION cannot read a name with blanks or quotes; move the stack, or "
                "rename its folder"
            )
    return [image_name(relative[path], index) for path, index in places]
