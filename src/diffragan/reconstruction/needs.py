"""What a reconstruction needs: images enough, memory, room on the disk."""

from collections.abc import Sequence
from pathlib import Path

from diffragan.errors import InputError
from diffragan.io.store_checks import check_room
from diffragan.reconstruction.request import Engine, Request, Way
from diffragan.reconstruction.sources.particle_set import ParticleSet

FEWEST = {"known": 2, "shifts": 16, "refine": 16, "unknown": 16}
"""Images without which there is no map: one in each half, or enough to align to each other."""
WISHED_UNKNOWN = 200
"""Fewer images of unknown orientation seldom give a map at all."""
SMALLEST_BOX = {"known": 8, "shifts": 8, "refine": 16, "unknown": 16}
"""Pixels of an image below which there are too few shells to tell anything by."""
MAP_BYTES_PER_VOXEL = 300
"""Padded transforms and weights of both halves, and copies while they become maps."""
IMAGE_COPIES = 6
"""Of an image while poses are searched, with its transforms."""
RELION_ITERATION_MAPS = 6
RELION_ITERATIONS = 30


def usual_way(sets: Sequence[ParticleSet], engine: Engine) -> Way:
    """Choose what is done about poses where nobody says so.

    Phasing moves images, so their shifts are refined where they are enough for that.
    """
    moved = all(particles.phased and particles.poses is not None for particles in sets)
    enough = min(particles.count for particles in sets) >= FEWEST["shifts"]
    return "shifts" if moved and enough and engine == "embedded" else "known"


def check_needs(particles: ParticleSet, request: Request, out: Path) -> str:
    """Make sure that a map can be made, and say what it will take.

    Raises
    ------
    InputError : There are too few images, or their box is too small, or odd where it must be even.
    OutputError : The disk has no room.
    """
    fewest = FEWEST[request.poses]
    if particles.count < fewest:
        only = "has one view of" if particles.count == 1 else f"has {particles.count} images of"
        sources = ", ".join(particles.inputs)
        raise InputError(
            f"{sources}: {only} '{particles.name}', and with poses {request.poses} a map and its "
            f"halves need {fewest} or more; phase more views of it"
        )
    _check_box(particles, request)
    pixels = particles.grid.pixels
    memory, disk = _memory(particles, request), _disk(particles, request)
    check_room(out, disk, "fewer images")
    words = (
        f"{particles.name}: {particles.count:,} images of {pixels} pixels; takes about "
        f"{_gigabytes(memory)} of memory and {_gigabytes(disk)} on the disk"
    )
    if request.poses == "unknown" and particles.count < WISHED_UNKNOWN:
        words += f"; so few images of unknown orientation seldom make a map, {WISHED_UNKNOWN} might"
    return words


def _check_box(particles: ParticleSet, request: Request) -> None:
    pixels = particles.grid.pixels
    if pixels < SMALLEST_BOX[request.poses]:
        raise InputError(
            f"{particles.name}: its images have {pixels} pixels, and with poses {request.poses} "
            f"{SMALLEST_BOX[request.poses]} or more are needed; extract them in a larger box"
        )
    if pixels % 2 and request.engine == "relion":
        raise InputError(
            f"{particles.name}: its images have {pixels} pixels, and RELION takes even boxes only; "
            "crop them by one pixel, or use --engine embedded"
        )
    if pixels % 2 and request.poses in ("refine", "unknown"):
        raise InputError(
            f"{particles.name}: its images have {pixels} pixels, and orientations are refined in "
            "even boxes only; crop them by one pixel"
        )


def _memory(particles: ParticleSet, request: Request) -> float:
    maps = MAP_BYTES_PER_VOXEL * particles.grid.pixels**3
    if request.poses in ("known", "shifts") or request.engine == "relion":
        return maps
    return maps + IMAGE_COPIES * particles.images_bytes


def _disk(particles: ParticleSet, request: Request) -> int:
    volume = 4 * particles.grid.pixels**3
    disk = 8 * volume
    if particles.image_names is None or request.engine == "relion":
        disk += particles.images_bytes
    if request.engine == "relion" and request.poses in ("refine", "unknown"):
        disk += RELION_ITERATIONS * RELION_ITERATION_MAPS * volume
    return disk


def _gigabytes(size: float) -> str:
    return f"{max(size, 1e7) / 1e9:.2g} GB"
