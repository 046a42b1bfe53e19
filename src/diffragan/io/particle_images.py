"""The images that a STAR file names, read as they are needed from their stacks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.mrc import EQUAL_PIXELS
from diffragan.io.mrc_stack import ImageStack
from diffragan.io.star import Particles


class ParticleImages:
    """Images of particles in one or several stacks."""

    def __init__(self, star: Path, particles: Particles) -> None:
        """Open every stack that `particles`, read from `star`, names.

        Raises
        ------
        InputError : A stack is missing, damaged, too short, or of another size than the file says.
        """
        self.star = star
        self._opened = {
            name: open_stack(star, particles, name) for name in sorted(set(particles.stacks))
        }
        self._places = [
            (self._opened[name], int(index))
            for name, index in zip(particles.stacks, particles.indices, strict=True)
        ]
        for stack, index in self._places:
            if index >= len(stack):
                raise InputError(
                    f"{star}: names image {index + 1} of {stack.path}, which has {len(stack)}; "
                    "the stack and the STAR file are not of each other"
                )

    def __len__(self) -> int:
        """Return the number of particles."""
        return len(self._places)

    def place(self, particle: int) -> tuple[Path, int]:
        """Return the stack of a particle and its image in it, from 0."""
        stack, index = self._places[particle]
        return stack.path, index

    def read(self, particles: Sequence[int]) -> NDArray[np.float32]:
        """Read images `(n, y, x)` of particles, numbered from 0 in the order of the STAR file."""
        images = [self._places[p][0].read([self._places[p][1]]) for p in particles]
        return np.concatenate(images)


def find_stack(star: Path, name: str) -> Path:
    """Find a stack: RELION names it from the folder it was started in, others from the file's.

    Raises
    ------
    InputError : It is not where a name in this file can point to.
    """
    places = [folder / name for folder in (star.parent, *star.absolute().parent.parents)]
    for place in [*places, star.parent / Path(name).name]:
        if place.is_file():
            return place
    if Path(name).is_absolute():
        raise InputError(f"{star}: names the stack '{name}', which is not there; move it back")
    raise InputError(
        f"{star}: names the stack '{name}', which is not beside it nor in a folder above; put it "
        "there"
    )


def open_stack(star: Path, particles: Particles, name: str) -> ImageStack:
    """Open a stack and hold it against the file's optics."""
    stack, said = ImageStack(find_stack(star, name)), particles.optics
    if abs(said.pixel_angstrom - stack.pixel_angstrom) > EQUAL_PIXELS * stack.pixel_angstrom:
        raise InputError(
            f"{star}: says pixels of {said.pixel_angstrom:g} Å, and {stack.path.name} of "
            f"{stack.pixel_angstrom:g} Å; correct the one that is wrong"
        )
    if said.image_pixels != stack.pixels:
        raise InputError(
            f"{star}: says images of {said.image_pixels} pixels, and {stack.path.name} has "
            f"{stack.pixels}; correct the one that is wrong"
        )
    return stack
