"""Orientations and shifts of all views from their defocused images alone.

The embedded engine makes a map of the images from nothing and finds how each shows it. The halves
are those of the patterns, so that what is refined from here on never met the other half: from the
handover's resolution on, they share no more than the six numbers that hold their frames together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.observations import ObservationStore
from diffragan.reconstruction.maps import Maps
from diffragan.reconstruction.refinement import RefinementSettings, State, refine
from diffragan.reconstruction.refinement.pose_error import simulated_errors
from diffragan.reconstruction.refinement.problem import make_problem
from diffragan.reconstruction.sources.low_resolution import images_in_place_of
from diffragan.reconstruction.sources.particle_set import ParticleSet, some_of
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.reconstruction.transfer import without_transfer
from diffragan.reconstruction.validation.hand import mirror_volume, mirrored_rotations
from diffragan.typing import Float, Int, Tensor

MADE_UP = 256
"""Images that are made up to learn how wrong the orientations are."""


@dataclass(frozen=True, slots=True)
class ImagePoses:
    """How the molecule lies in each view, in one frame, of one hand or the other."""

    rotations: Float[Tensor, "view 3 3"]
    """Molecule to laboratory frame."""
    shifts_angstrom: Float[Tensor, "view 2"]
    """Where the molecule's origin appears: x, y [Å]."""
    half_sets: Int[Tensor, " view"]
    """0 or 1, as given."""
    rms_error_degrees: float
    """To expect of the orientations, without the truth; wrong ones among them count."""
    median_error_degrees: float
    resolution_angstrom: float | None
    """Where the halves of the map part [Å]; None when they agree to the end of the images."""
    maps: Maps
    """Coarse maps of the potential [V], origin at voxel n // 2."""
    grid: Grid
    """Of the maps."""


def poses_from_images(
    store: ObservationStore,
    numbers: Sequence[int],
    half_sets: Int[Tensor, " view"],
    settings: RefinementSettings | None = None,
    *,
    structure: int = 0,
    state: State | None = None,
    watch: Callable[[State], None] | None = None,
    threads: int = 1,
    device: str = "cpu",
) -> ImagePoses:
    """Find the poses of views of one molecule, from nothing but their defocused images.

    Images cannot tell a molecule from its mirror image: `other_hand` is as good an answer.

    Parameters
    ----------
    store : The data set.
    numbers : Views, counted among those of the molecule.
    half_sets : 0 or 1 for each of them.
    settings : Of the engine.
    structure : Which molecule.
    state, watch : To go on from, and to be told, as `refine` takes them.
    threads : Any number gives the same bytes.
    device : Where images are compared with maps.

    Raises
    ------
    InputError : The images cannot make a map, or a half has next to none of them.
    """
    settings = settings or RefinementSettings()
    particles = defocused_views(store, numbers, structure)
    images = particles.everything()
    found = refine(
        images,
        particles.grid,
        settings,
        half_sets=half_sets,
        state=state,
        watch=watch,
        threads=threads,
        device=device,
    )
    problem = make_problem(images, particles.grid, settings, None, device)
    errors = torch.rad2deg(simulated_errors(problem, settings, found.state, MADE_UP, threads))
    assert particles.transfer is not None
    maps = Maps(found.full, found.half1, found.half2, particles.count)
    return ImagePoses(
        found.poses.rotations,
        found.poses.shifts_angstrom,
        found.half_sets,
        float(errors.square().mean().sqrt()),
        float(errors.median()),
        found.resolution_fsc_0p143_angstrom,
        without_transfer(maps, particles.transfer, particles.grid),
        particles.grid,
    )


def defocused_views(
    store: ObservationStore, numbers: Sequence[int], structure: int = 0
) -> ParticleSet:
    """Particles of the defocused images of some views of one molecule.

    Raises
    ------
    InputError : The molecule has no views.
    """
    owner = store.read("structure")
    items = np.flatnonzero(owner == structure)
    if not len(items):
        raise InputError(f"{store.store.path}: holds no view of molecule {structure}")
    place = int(np.searchsorted(np.unique(owner), structure))
    true = particles_of_store(store, None)[place]
    chosen = list(numbers)
    return images_in_place_of(
        some_of(true, chosen, true.name), store, [int(items[number]) for number in chosen]
    )


def other_hand(poses: ImagePoses) -> ImagePoses:
    """Return the mirrored molecule and the orientations at which it has the same images."""
    maps = poses.maps
    full, half1, half2 = (mirror_volume(volume) for volume in (maps.full, maps.half1, maps.half2))
    return replace(
        poses,
        rotations=mirrored_rotations(poses.rotations),
        maps=Maps(full, half1, half2, maps.views),
    )
