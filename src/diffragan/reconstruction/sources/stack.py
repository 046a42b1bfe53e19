"""Particles of a STAR file: any program's, with the images in MRC stacks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.particle_images import ParticleImages
from diffragan.io.provenance import sha256_of
from diffragan.io.star import HALF, Particles, read_particles
from diffragan.io.star_tables import Values
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.sources.particle_set import ParticleSet, known_poses
from diffragan.typing import Images, Int, Tensor

MICROGRAPH = "rlnMicrographName"
KEPT = (MICROGRAPH, "rlnParticleFigureOfMerit", "diffraganPredictedResolution")
"""Columns that are handed on."""


def particles_of_stack(star: Path) -> ParticleSet:
    """Read the particles of a STAR file, whose images are read as they are needed.

    Raises
    ------
    InputError : The file or a stack is missing, damaged, or contradicts the other.
    """
    particles = read_particles(star)
    images = ParticleImages(star, particles)

    def read(numbers: Sequence[int]) -> Images:
        return torch.from_numpy(images.read(numbers))

    def name(number: int) -> tuple[str, int]:
        path, index = images.place(number)
        return str(path), index

    optics = particles.optics
    kept: dict[str, Values] = {k: v for k, v in particles.extra.items() if k in KEPT}
    return ParticleSet(
        star.stem,
        len(images),
        Grid(optics.image_pixels, optics.image_pixels * optics.pixel_angstrom),
        read,
        optics,
        {star.name: sha256_of(star)},
        poses=_poses(particles),
        half_sets=_half_sets(star, particles),
        image_names=name,
        columns=kept,
    )


def _poses(particles: Particles) -> Poses | None:
    if particles.rotations is None:
        return None
    origins = particles.origins_angstrom
    # RELION's origin is the shift that centres the image: ours, undone.
    return known_poses(
        particles.rotations, np.zeros((len(particles.indices), 2)) if origins is None else -origins
    )


def _half_sets(star: Path, particles: Particles) -> Int[Tensor, " n"] | None:
    column = particles.extra.get(HALF)
    if column is None:
        return None
    if not set(column) <= {"1", "2"}:
        strange = next(text for text in column if text not in {"1", "2"})
        raise InputError(f"{star}: column _{HALF} holds '{strange}'; a half set is 1 or 2")
    return torch.tensor([int(text) - 1 for text in column])
