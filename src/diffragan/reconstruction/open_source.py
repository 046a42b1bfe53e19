"""Open whatever `reconstruct` is given: a store of waves, a data set, or a STAR file."""

from pathlib import Path
from typing import Literal

from diffragan.errors import ConfigError, InputError, nearest
from diffragan.io.observations import KIND as OBSERVATIONS
from diffragan.io.observations import ObservationStore
from diffragan.io.phased import PhasedStore
from diffragan.io.store import open_store
from diffragan.io.triplets import StructureEntry, TripletStore, open_data
from diffragan.progress import tell
from diffragan.reconstruction.sources.low_resolution import particles_of_images
from diffragan.reconstruction.sources.particle_set import ParticleSet, some_of
from diffragan.reconstruction.sources.stack import MICROGRAPH, particles_of_stack
from diffragan.reconstruction.sources.stores import particles_of_store

STACKS = (".star", ".mrcs", ".mrc")


def open_source(
    path: Path,
    *,
    images: Literal["truth", "low-resolution"] | None = None,
    data: Path | None = None,
    molecule: str | None = None,
) -> list[ParticleSet]:
    """Open the particles of a file or store, one set for each molecule.

    Parameters
    ----------
    path : A phased store, a data set, a STAR file, or a stack with a STAR file beside it.
    images : Of a data set: `truth` for its true waves, `low-resolution` for its defocused images.
    data : Data set with the true molecules, where a phased store's own was moved.
    molecule : Only this one.

    Raises
    ------
    InputError, ConfigError : It cannot be read, or something does not go together.
    """
    if path.suffix in STACKS:
        if images is not None or data is not None:
            raise ConfigError(
                "--images and --data are of Zarr stores; leave them out with a STAR file"
            )
        star = path if path.suffix == ".star" else path.with_suffix(".star")
        if not star.is_file() and path.is_file():
            raise InputError(f"{path}: has no {star.name} beside it to name its images; write one")
        sets = [particles_of_stack(star)]
        return sets if molecule is None else [_only_micrograph(sets[0], molecule)]
    kind = open_store(path).kind
    if kind == OBSERVATIONS:
        if images != "low-resolution":
            raise ConfigError(
                f"{path}: are observations, whose truth nobody knows; add --images low-resolution "
                "to reconstruct their images, or `diffragan phase` them first"
            )
        return _chosen(particles_of_images(ObservationStore(path)), molecule, path)
    if kind == "triplets":
        if images is None:
            raise ConfigError(
                f"{path}: is a data set, not phased; add --images truth to reconstruct its true "
                "images or --images low-resolution its defocused ones, or `diffragan phase` it "
                "first"
            )
        store = TripletStore(path)
        sets = (
            particles_of_store(store, store.structures())
            if images == "truth"
            else particles_of_images(store)
        )
        return _chosen(sets, molecule, path)
    if images is not None:
        raise ConfigError(
            f"{path}: is phased, and --images {images} is of a data set; leave it out"
        )
    phased = PhasedStore(path)
    return _chosen(particles_of_store(phased, _molecules(phased, data)), molecule, path)


def _molecules(phased: PhasedStore, named: Path | None) -> list[StructureEntry] | None:
    """Read the true molecules of the data set that was phased, if it is there."""
    source = named or phased.source
    if named is None and not source.exists():
        tell(f"{source} is gone: no correlation with the truth")
        return None
    data = open_data(source)
    if data.identity != phased.source_identity:
        raise InputError(
            f"{phased.store.path}: was phased from other data than {source}; "
            "name the right data set with `--data`"
        )
    return data.structures() if isinstance(data, TripletStore) else None


def _chosen(sets: list[ParticleSet], name: str | None, path: Path) -> list[ParticleSet]:
    if name is None:
        return sets
    found = [particles for particles in sets if particles.name == name]
    if not found:
        known = nearest(name, [particles.name for particles in sets])
        raise ConfigError(f"{path}: has no molecule '{name}'; {known}")
    return found


def _only_micrograph(particles: ParticleSet, name: str) -> ParticleSet:
    """Take the particles of one molecule, as `phase` writes it into the column of micrographs."""
    column = [str(value) for value in particles.columns.get(MICROGRAPH, ())]
    items = [number for number, value in enumerate(column) if value == name]
    if not items:
        known = nearest(name, set(column)) if column else "it has no such column"
        raise ConfigError(f"{particles.name}: no _{MICROGRAPH} is '{name}'; {known}")
    return some_of(particles, items, name)
