"""Orientations and shifts of views from a STAR file, of this program or another."""

from dataclasses import replace
from pathlib import Path

import torch

from diffragan.errors import InputError
from diffragan.io.provenance import sha256_of
from diffragan.io.star import HALF, ParticleOptics, read_particles, write_particles
from diffragan.io.star_tables import PLAIN_WORD
from diffragan.reconstruction.many_views.views import Views
from diffragan.typing import Float, Int, Tensor

STORE_SUFFIX = ".zarr"
UNNAMED_STORE = "views" + STORE_SUFFIX


def views_as_in_star(views: Views, star: Path) -> Views:
    """Give views the poses of a STAR file.

    Rows of a stack named as a store are numbered as the molecule's views, as `write_poses` does;
    any others stand in the order of the views, one for each.

    Raises
    ------
    InputError : The file cannot be read, has no angles, or does not have a row for each view.
    """
    particles = read_particles(star)
    if particles.rotations is None:
        raise InputError(
            f"{star}: has no columns _rlnAngleRot, _rlnAngleTilt and _rlnAnglePsi; add them"
        )
    count = len(particles.indices)
    if all(name.endswith(STORE_SUFFIX) for name in particles.stacks):
        row_of = {int(number): row for row, number in enumerate(particles.indices)}
    elif count == views.count:
        row_of = {number: number for number in range(count)}
    else:
        raise InputError(
            f"{star}: has {count} particles, and there are {views.count} views of {views.name}; "
            "give a row for each view, in their order"
        )
    missing = next((number for number in views.patterns.kept if number not in row_of), None)
    if missing is not None:
        raise InputError(f"{star}: has no row for view {missing} of {views.name}; add it")
    rows = [row_of.get(number, 0) for number in range(views.count)]
    shifts = torch.zeros(views.count, 2)
    if particles.origins_angstrom is not None:
        # RELION's origin is the shift that centres the image: ours, undone.
        shifts = -torch.from_numpy(particles.origins_angstrom[rows]).float()
    placed = views.placed(torch.from_numpy(particles.rotations[rows]), shifts)
    return replace(placed, inputs={**views.inputs, star.name: sha256_of(star)})


def write_poses(
    path: Path,
    views: Views,
    rotations: Float[Tensor, "view 3 3"],
    numbers: list[int],
    half_sets: Int[Tensor, " view"],
) -> None:
    """Write the poses of views, named by their numbers from 1 among those of their molecule.

    Parameters
    ----------
    rotations, half_sets : Of all views, by their number; half sets are 0 or 1.
    numbers : Which views to write.
    """
    experiment = views.patterns.experiment
    name = next(iter(views.inputs))
    if not (name.endswith(STORE_SUFFIX) and PLAIN_WORD.fullmatch(name)):
        name = UNNAMED_STORE
    optics = ParticleOptics(
        experiment.energy_kev,
        experiment.low_resolution.spherical_aberration_mm,
        0.0,  # a pure phase object
        experiment.image_grid.pixel_angstrom,
        experiment.image_grid.pixels,
    )
    write_particles(
        path,
        name,
        optics,
        len(numbers),
        rotations=rotations[numbers].double().numpy(),
        origins_angstrom=-views.shifts_angstrom[numbers, :2].double().numpy(),
        extra={HALF: [str(int(which) + 1) for which in half_sets[numbers]]},
        image_names=[f"{number + 1:06d}@{name}" for number in numbers],
    )
