"""Pixels of a lattice on the specimen: the detector's, or the overview image's."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.config.numerics import fast_even
from diffragan.config.scan_simulation import ScanSimulation
from diffragan.simulation.scan.geometry import Points, pattern_stretch, rotation
from diffragan.typing import Float, Tensor

OVERSAMPLING = 1.25
"""Of the frames' lattice: patterns that are moved on the detector, and waves that are multiplied,
need some frequencies beyond its edge."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Place of pixel (y, x): `matrix` @ (x, y) + `shift`."""

    matrix: NDArray[np.float64]
    """`(2, 2)`, step x, y on the specimen for a step on the lattice [Å/pixel]."""
    shift: NDArray[np.float64]
    """Where pixel 0, 0 lies, x and y [Å]."""

    @property
    def pixel_angstrom(self) -> float:
        """Mean side of a pixel [Å]."""
        return float(abs(np.linalg.det(self.matrix)) ** 0.5)

    def points(self, y: Tensor, x: Tensor) -> Float[Tensor, "y x 2"]:
        """Return places x, y [Å] of whole pixels, of rows `y` and columns `x`."""
        rows, columns = torch.meshgrid(y, x, indexing="ij")
        across = torch.stack([columns, rows], -1).double()
        places: Tensor = across @ torch.from_numpy(self.matrix.T) + torch.from_numpy(self.shift)
        return places

    def pixels(self, places: Points) -> Points:
        """Return the pixels x, y, with fractions, of places `(n, 2)`."""
        found: Points = (places - self.shift) @ np.linalg.inv(self.matrix).T
        return found


Part = tuple[slice, slice]


def overlap(
    first: tuple[int, int],
    shape: tuple[int, int],
    own_first: tuple[int, int],
    own_shape: tuple[int, int],
) -> tuple[Part, Part] | None:
    """Return where two windows of a lattice overlap: the part of the one, and of the other."""
    ours, theirs = [], []
    for low, size, start, length in zip(first, shape, own_first, own_shape, strict=True):
        begin, end = max(low, start), min(low + size, start + length)
        if begin >= end:
            return None
        ours.append(slice(begin - low, end - low))
        theirs.append(slice(begin - start, end - start))
    return (ours[0], ours[1]), (theirs[0], theirs[1])


def around(lattice: Lattice, place: Points, reach_angstrom: float) -> tuple[Tensor, Tensor]:
    """Return the rows and columns of the pixels that lie within a distance of a place."""
    reach = reach_angstrom / float(np.linalg.svd(lattice.matrix, compute_uv=False).min())
    x, y = (
        torch.arange(int(np.floor(m - reach)), int(np.ceil(m + reach)) + 1)
        for m in lattice.pixels(place[None])[0]
    )
    return y, x


def frame_pixels(settings: ScanSimulation) -> int:
    """Return the lattice's pixels along one side of a box that a pattern's sampling asks for."""
    return fast_even(OVERSAMPLING * settings.camera.pixels)


def frame_lattice(settings: ScanSimulation) -> Lattice:
    """Return the lattice whose transform has the detector's directions, scale and ellipticity.

    A pattern stretched by S shows a specimen compressed by it: the lattice steps by S in the frame
    of the detector.
    """
    step = settings.box_angstrom / frame_pixels(settings)
    turn = rotation(settings.path.scan_to_detector_deg)
    return Lattice(turn @ pattern_stretch(settings.camera) * step, np.zeros(2))


def image_side(settings: ScanSimulation) -> int:
    """Return the side of the overview image, which holds the turned field [pixels]."""
    rows, columns = settings.path.shape
    extent = np.array([columns, rows]) * settings.path.step_angstrom
    extent = extent + 2 * settings.image.margin_angstrom
    turn = rotation(settings.image.scan_to_image_deg)
    return fast_even(float((np.abs(turn) @ extent).max()) / settings.image.pixel_angstrom)


def image_lattice(settings: ScanSimulation) -> Lattice:
    """Return the lattice of the overview image, pixel 0, 0 its first."""
    image, side = settings.image, image_side(settings)
    pixel = image.pixel_angstrom * (1 + image.scale_error)
    turn = rotation(image.scan_to_image_deg + image.rotation_error_deg)
    first = -(side // 2) * pixel - np.array(image.offset_angstrom)
    return Lattice(turn * pixel, turn @ first)


def highest_frequency(settings: ScanSimulation) -> float:
    """Return the highest frequency that a frame's corners may show, wherever its centre [1/Å]."""
    most = settings.path.wander_pixels + max(map(abs, settings.path.centre_offset_pixels))
    stretch = 1 + settings.camera.ellipticity
    return 2**0.5 * (settings.camera.pixels / 2 + most) / settings.box_angstrom * stretch
