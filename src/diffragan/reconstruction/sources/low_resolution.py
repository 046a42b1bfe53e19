"""Particles of the defocused images of a data set: maps and orientations without any pattern.

All images of a data set went through one lens, so its transfer need not be divided out of noisy
images. With the signs of the transfer put right (phase flipping) they are projections of the
potential seen through its modulus, in white noise: all that an engine asks for. The modulus is
taken off the map (`reconstruction/transfer.py`).

Source: Frank, Three-Dimensional Electron Microscopy, 2nd ed., sec. 2.9 (CTF correction).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.config.numerics import fast_even
from diffragan.errors import InputError
from diffragan.fourier import fourier, inverse_fourier, resample, resize_centred
from diffragan.grid import Grid
from diffragan.io.observations import ObservationStore
from diffragan.io.triplets import StructureEntry, TripletStore
from diffragan.physics.optics import phase_contrast
from diffragan.reconstruction.sources.extent import extent, window
from diffragan.reconstruction.sources.particle_set import BATCH, ParticleSet
from diffragan.reconstruction.sources.stores import particles_of_store
from diffragan.reconstruction.transfer import SMALLEST_TRANSFER
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Float, Images, Tensor

FINEST_ANGSTROM = 3.5
"""Finest detail that is looked for, where no aperture ends the images before [Å]."""
BEYOND_THE_SIGNAL = 1.25
"""Nyquist over the finest frequency with signal: shells of nothing but noise tell its power."""
LOOKED_AT = 256
"""Images from which the molecule's extent is measured."""
MARGIN_ANGSTROM = 4.0
"""Left around it."""


def particles_of_images(store: ObservationStore) -> list[ParticleSet]:
    """Sort the defocused images of a data set by molecule; one set for each that has views.

    Raises
    ------
    InputError : No molecule has a view, or the lens transfers nothing.
    """
    owner = store.read("structure")
    return [
        images_in_place_of(true, store, [int(i) for i in np.flatnonzero(owner == index)])
        for true, index in zip(
            particles_of_store(store, _structures(store)), np.unique(owner), strict=True
        )
    ]


def _structures(store: ObservationStore) -> list[StructureEntry] | None:
    return store.structures() if isinstance(store, TripletStore) else None


def images_in_place_of(
    particles: ParticleSet, store: ObservationStore, items: Sequence[int]
) -> ParticleSet:
    """Put the defocused images in place of the true ones of the same views.

    They are cut to the part of the box in which the molecule shows, and sampled as coarsely as
    what they hold allows.

    Parameters
    ----------
    particles : The true images.
    store : Their data set.
    items : Which items of it they are.

    Raises
    ------
    InputError : The lens transfers nothing.
    """
    experiment = store.experiment
    limit = image_limit(experiment)

    def seen(numbers: Sequence[int]) -> Images:
        return flipped_images(store, [items[number] for number in numbers])

    coarse = coarse_grid(experiment.image_grid, limit)
    few = list(range(0, len(items), max(1, len(items) // LOOKED_AT)))

    def looked_at() -> Iterator[Images]:
        for start in range(0, len(few), BATCH):
            yield resample(seen(few[start : start + BATCH]), coarse.pixels).real

    part = window(extent(looked_at(), coarse), MARGIN_ANGSTROM, experiment.image_grid)
    grid = coarse_grid(part, limit)

    def read(numbers: Sequence[int]) -> Images:
        return resample(resize_centred(seen(numbers), part.pixels), grid.pixels).real

    return replace(
        particles,
        grid=grid,
        read=read,
        optics=replace(
            particles.optics, pixel_angstrom=grid.pixel_angstrom, image_pixels=grid.pixels
        ),
        band_limit_per_angstrom=limit,
        transfer=shell_transfer(experiment, grid),
    )


def flipped_images(store: ObservationStore, items: Sequence[int]) -> Images:
    """Read images with their transfer's signs put right, the molecule white [V Å].

    Source: Kirkland, 3rd ed., eq. 5.9 (the phase shift of a weak object), to first order.
    """
    experiment = store.experiment
    grid, electron = experiment.image_grid, experiment.electron
    counts = torch.from_numpy(store.read("low_resolution", items).astype(np.float32))
    doses = torch.from_numpy(store.read("low_resolution_dose", items)).float()
    contrast = counts / (doses[:, None, None] * grid.pixel_angstrom**2) - 1
    transfer = phase_contrast(experiment.low_resolution, grid, electron)
    signs = torch.where(transfer < 0, -1.0, 1.0)
    flipped: Tensor = inverse_fourier(fourier(contrast) * signs).real
    return flipped / electron.interaction_rad_per_volt_angstrom


def image_limit(experiment: Experiment) -> float:
    """Frequency beyond which defocused images show nothing of use [1/Å].

    Raises
    ------
    InputError : The lens transfers nothing.
    """
    grid = experiment.image_grid
    transfer = phase_contrast(experiment.low_resolution, grid, experiment.electron).abs()
    frequency = grid.squared_frequencies(dtype=torch.float64).sqrt()
    passed = frequency[transfer > SMALLEST_TRANSFER]
    if not len(passed):
        raise InputError(
            f"images at {experiment.low_resolution.defocus_angstrom:g} Å defocus show nothing of "
            "a phase object; simulate them out of focus"
        )
    return min(float(passed.max()), 1 / FINEST_ANGSTROM, grid.nyquist_per_angstrom)


def coarse_grid(part: Grid, limit_per_angstrom: float) -> Grid:
    """Coarsest grid of a box that holds a frequency [1/Å] and some noise beyond it."""
    least = 2 * BEYOND_THE_SIGNAL * limit_per_angstrom * part.box_angstrom
    return part.with_pixels(min(fast_even(least), part.pixels))


def shell_transfer(experiment: Experiment, grid: Grid) -> Float[Tensor, " shell"]:
    """Mean modulus of the transfer in every shell of a cube, to its corner."""
    count = int(3**0.5 * grid.pixels / 2) + 2
    # Twice as wide: the corners of a cube lie beyond those of an image.
    wide = grid.with_pixels(2 * grid.pixels)
    transfer = phase_contrast(experiment.low_resolution, wide, experiment.electron).abs()
    rings = ring_index((wide.pixels, wide.pixels))
    population = ring_sum(torch.ones_like(transfer), rings, count)
    return ring_sum(transfer, rings, count) / population
