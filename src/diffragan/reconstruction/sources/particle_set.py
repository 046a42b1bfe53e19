"""Images of one molecule, read as they are needed, with what is known of how it lies in them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.io.star import ParticleOptics
from diffragan.io.star_tables import Values
from diffragan.reconstruction.refinement.state import Poses
from diffragan.reconstruction.views import Batch
from diffragan.structures.atomic_model import AtomicModel
from diffragan.typing import Float, Images, Int, Tensor

BATCH = 64


@dataclass(frozen=True, slots=True)
class ParticleSet:
    """What an engine reconstructs one map from."""

    name: str
    """Of the molecule, or of the file where no molecule is named."""
    count: int
    grid: Grid
    read: Callable[[Sequence[int]], Images]
    """Images `(n, y, x)` by their numbers from 0, the molecule white, without any CTF; projected
    potentials [V Å] from stores, in the file's own unit from stacks."""
    optics: ParticleOptics
    inputs: Mapping[str, str]
    """Name and SHA-256 or identity of what they were read from."""
    poses: Poses | None = None
    phased: bool = False
    """Whether a phasing method made the images, which may have moved them."""
    half_sets: Int[Tensor, " n"] | None = None
    """0 or 1 where the file says so."""
    band_limit_per_angstrom: float | None = None
    """Frequencies beyond it hold nothing that was measured [1/Å]."""
    transfer: Float[Tensor, " shell"] | None = None
    """Modulus of the contrast transfer that all images still carry, by shells of their grid to the
    corner of its cube; it is taken off their map. None where they carry none."""
    model: AtomicModel | None = None
    """The true molecule of simulated data."""
    model_sha256: str | None = None
    """Of the prepared file that it was read from."""
    image_names: Callable[[int], tuple[str, int]] | None = None
    """Path of the stack and number from 0 of an image that lies in a stack already."""
    columns: Mapping[str, Values] = field(default_factory=dict)
    """More columns for a STAR file."""

    @property
    def images_bytes(self) -> int:
        """Size of all images in single precision [bytes]."""
        return 4 * self.count * self.grid.pixels**2

    def batches(
        self, poses: Poses, items: Sequence[int] | None = None, size: int = BATCH
    ) -> Iterator[Batch]:
        """Yield images with poses, some at a time.

        Raises
        ------
        InputError : An image is empty.
        """
        chosen = range(self.count) if items is None else items
        for start in range(0, len(chosen), size):
            some = list(chosen[start : start + size])
            images = self.read(some)
            self._check_not_empty(images, some)
            yield images, poses.rotations[some], poses.shifts_angstrom[some]

    def everything(self) -> Images:
        """Read all images at once, for engines that go through them many times.

        Raises
        ------
        InputError : An image is empty.
        """
        size = self.grid.pixels
        found = np.empty((self.count, size, size), np.float32)
        for start in range(0, self.count, BATCH):
            some = range(start, min(start + BATCH, self.count))
            images = self.read(list(some))
            self._check_not_empty(images, some)
            found[start : some.stop] = images.numpy()
        return torch.from_numpy(found)

    def _check_not_empty(self, images: Images, numbers: Sequence[int]) -> None:
        flat = images.flatten(1)
        empty = torch.nonzero(flat.amax(1) == flat.amin(1))
        if len(empty):
            number = numbers[int(empty[0])] + 1
            raise InputError(
                f"{self.name}: image {number} of {self.count} is empty (all its pixels are the "
                "same); leave it out, or phase it again"
            )


def some_of(particles: ParticleSet, items: Sequence[int], name: str) -> ParticleSet:
    """Take some of the particles, under another name."""
    chosen, whole = list(items), particles
    poses, halves, names = whole.poses, whole.half_sets, whole.image_names

    def column(values: Values) -> Values:
        return values[chosen] if isinstance(values, np.ndarray) else [values[i] for i in chosen]

    return replace(
        whole,
        name=name,
        count=len(chosen),
        read=lambda numbers: whole.read([chosen[number] for number in numbers]),
        poses=None
        if poses is None
        else Poses(poses.rotations[chosen], poses.shifts_angstrom[chosen]),
        half_sets=None if halves is None else halves[chosen],
        image_names=None if names is None else lambda number: names(chosen[number]),
        columns={key: column(values) for key, values in whole.columns.items()},
    )


def known_poses(rotations: NDArray[np.float64], shifts_angstrom: NDArray[np.float64]) -> Poses:
    """Take poses from arrays `(n, 3, 3)` and `(n, 2)` or `(n, 3)`, of which z is not seen [Å]."""
    return Poses(
        torch.from_numpy(np.ascontiguousarray(rotations)),
        torch.from_numpy(np.ascontiguousarray(shifts_angstrom[:, :2])),
    )
