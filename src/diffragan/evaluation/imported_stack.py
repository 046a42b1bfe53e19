"""Images phased by another program, an MRC stack with a STAR file, made a store like any other.

Another program has its own pixel size, box, order and scale. Its particles are matched with the
views of the data set, its images brought onto the data set's grids, and scaled so that their waves
have the moduli that were measured: nothing of the truth enters.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from diffragan.config.experiment import Experiment
from diffragan.errors import InputError
from diffragan.evaluation.regrid import regrid
from diffragan.evaluation.scaled_waves import Contrast, scaled_waves
from diffragan.evaluation.view_matching import match_views
from diffragan.grid import Grid
from diffragan.io.mrc_stack import ImageStack
from diffragan.io.particle_images import open_stack
from diffragan.io.phased import KIND, PhasedStore, phased_attributes, phased_specs
from diffragan.io.provenance import provenance, sha256_of
from diffragan.io.star import Particles, read_particles
from diffragan.io.store_writer import StoreWriter, write_item
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import high_resolution_images
from diffragan.progress import progress_bar
from diffragan.typing import Images

BATCH = 16
SUFFIXES = (".star", ".mrcs", ".mrc")
EQUAL_ENERGIES = 1e-3


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read of another program's result."""

    star: Path
    particles: Particles
    stacks: dict[str, ImageStack]
    items: list[int]
    """Item of the data set that each particle shows."""
    contrast: Contrast


def is_stack(path: Path) -> bool:
    """Whether a path names another program's images and not a store."""
    return path.suffix in SUFFIXES


def import_stack(
    data: TripletStore, path: Path, out: Path, contrast: Contrast = "potential"
) -> PhasedStore:
    """Write another program's images as a phased store.

    Parameters
    ----------
    data : The data set whose views they show.
    path : The STAR file, or the stack with a STAR file of the same name beside it.
    out : The store to write; an older one is replaced.
    contrast : Whether the images are projected potentials, the molecule white, or images as the
        data set's high-resolution lens forms them; either on any scale.

    Raises
    ------
    InputError : A file is missing or damaged, its settings contradict each other or the data's, or
        its particles are not the data set's views.
    """
    star = path if path.suffix == ".star" else path.with_suffix(".star")
    if not star.is_file():
        raise InputError(
            f"{star}: there is no such file; {path.name} needs a STAR file with the orientation of "
            "each image"
        )
    particles = read_particles(star)
    _check_energy(star, particles, data.experiment)
    items = match_views(data, particles, star)
    with _open_stacks(star, particles) as stacks:
        source = _Source(star, particles, stacks, items, contrast)
        return _write(data, source, out)


def _write(data: TripletStore, source: _Source, out: Path) -> PhasedStore:
    inputs = {source.star.name: sha256_of(source.star)}
    inputs |= {stack.path.name: sha256_of(stack.path) for stack in source.stacks.values()}
    made_by = provenance(
        "import", {"contrast": source.contrast}, None, {"data": data.identity, **inputs}
    )
    attributes = phased_attributes(
        source.star.stem, data.store.path, data.identity, data.store.attributes, made_by
    )
    specs = phased_specs(data.experiment, len(source.items))
    with StoreWriter(out, KIND, specs, attributes) as writer:
        remaining = [place for place in range(len(source.items)) if place not in writer.done]
        with progress_bar(len(remaining), f"reading {source.star.name}") as bar:
            for start in range(0, len(remaining), BATCH):
                places = remaining[start : start + BATCH]
                _write_batch(data, source, writer, places)
                bar.advance(len(places))
        writer.finish()
    return PhasedStore(out)


def _write_batch(
    data: TripletStore, source: _Source, writer: StoreWriter, places: Sequence[int]
) -> None:
    items = [source.items[place] for place in places]
    experiment = data.experiment
    grid = experiment.wave_grid if source.contrast == "potential" else experiment.image_grid
    values = torch.stack([_on_grid(data, source, place, grid) for place in places])
    diffraction = torch.from_numpy(data.patterns(items)).float()
    measured = torch.from_numpy(data.read("measured"))
    waves, scale = scaled_waves(values, source.contrast, diffraction, measured, experiment)
    if source.contrast == "potential":
        images = high_resolution_images(waves, experiment)
    else:
        images = 1 + values * scale[:, None, None]
    poses = {name: data.read(name, items) for name in ("structure", "orientation", "shift")}
    for row, (place, item) in enumerate(zip(places, items, strict=True)):
        write_item(
            writer.partial,
            place,
            {
                "wave": waves[row].numpy(),
                "image": images[row].numpy(),
                "energy_outside_support": np.nan,
                "source_item": item,
                **{name: values[row] for name, values in poses.items()},
            },
        )
        writer.mark(place)


def _on_grid(data: TripletStore, source: _Source, place: int, grid: Grid) -> Images:
    """Read one image, take its background off, and bring it where its view lies."""
    particles, item = source.particles, source.items[place]
    stack = source.stacks[particles.stacks[place]]
    picture = torch.from_numpy(stack.read([int(particles.indices[place])]))
    picture = picture - picture.flatten(1).median(dim=1).values[:, None, None]
    shift = torch.zeros(1, 2, dtype=torch.float64)
    if particles.origins_angstrom is not None:
        # The origin centres the particle, and the view's own shift puts it where the view has it.
        x, y = data.read("shift", [item])[0, :2] + particles.origins_angstrom[place]
        shift = torch.tensor([[y, x]])
    own = Grid(stack.pixels, stack.pixels * stack.pixel_angstrom)
    return regrid(picture, own, grid, shift)[0]


def _check_energy(star: Path, particles: Particles, experiment: Experiment) -> None:
    given, ours = particles.optics.energy_kev, experiment.energy_kev
    if abs(given - ours) > EQUAL_ENERGIES * ours:
        raise InputError(
            f"{star}: is of electrons of {given:g} keV, the data set of {ours:g} keV; evaluate it "
            "with the data it was phased from"
        )


@contextmanager
def _open_stacks(star: Path, particles: Particles) -> Iterator[dict[str, ImageStack]]:
    """Open every stack that a STAR file names, and check it against the file's optics."""
    opened: dict[str, ImageStack] = {}
    try:
        for name in sorted(set(particles.stacks)):
            opened[name] = open_stack(star, particles, name)
        yield opened
    finally:
        for stack in opened.values():
            stack.close()
