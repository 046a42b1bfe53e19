"""An endless amorphous layer: patches of a computed piece, blended into each other.

Each patch is another cut of the piece, turned by another angle, so the layer does not repeat. Its
windows' squares add up to 1, because the phases of different cuts add as noise does.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.simulation.scan.periodic import Periodic
from diffragan.typing import Complex, Int, Tensor

BANKS = 12
"""Turned copies of the piece from which patches are cut."""
PATCH_PIXELS = 128
"""Half the side of a patch; its other half blends into the neighbours."""
ROOM_PIXELS = 96
"""Among so many pixels along y and x a patch begins in its bank."""


@dataclass(frozen=True, slots=True)
class Quilt:
    """A layer on the pixels of a lattice that goes on as far as its patches."""

    banks: Complex[Tensor, "bank y x"]
    first: tuple[int, int]
    """Number of the first patch along y and x; patch p covers two patches' pixels from p on."""
    start: Int[Tensor, "patch_y patch_x"]
    """Index into the flattened banks at which a patch begins."""

    def at(self, y: Int[Tensor, "..."], x: Int[Tensor, "..."]) -> Complex[Tensor, "..."]:
        """Return the layer's phase at lattice pixels, which broadcast."""
        side = self.banks.shape[-1]
        flat = self.banks.reshape(-1)
        total: Tensor | None = None
        for back_y in (0, 1):
            row, inner_y, window_y = _along(y, back_y)
            for back_x in (0, 1):
                column, inner_x, window_x = _along(x, back_x)
                begin = self.start[row - self.first[0], column - self.first[1]]
                part = flat[begin + inner_y * side + inner_x] * (window_y * window_x)
                total = part if total is None else total + part
        assert total is not None
        return total


def _along(pixels: Tensor, back: int) -> tuple[Tensor, Tensor, Tensor]:
    """Patch, pixel inside it and window along one axis."""
    patch = torch.div(pixels, PATCH_PIXELS, rounding_mode="floor") - back
    inner = pixels - patch * PATCH_PIXELS
    window = torch.sin(torch.pi / (2 * PATCH_PIXELS) * (inner.float() + 0.5))
    return patch, inner, window


def make_quilt(
    phase: Periodic,
    to_specimen: NDArray[np.float64],
    lowest: tuple[int, int],
    highest: tuple[int, int],
    generator: np.random.Generator,
) -> Quilt:
    """Cut patches that cover a range of lattice pixels.

    Parameters
    ----------
    phase : The piece, in the specimen's frame.
    to_specimen : `(2, 2)`, takes a step x, y on the lattice to one on the specimen [Å/pixel].
    lowest, highest : First and last pixel along y and x.
    generator : Chooses cuts.
    """
    side = 2 * PATCH_PIXELS + ROOM_PIXELS
    y, x = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    places = np.stack([x, y], -1) @ to_specimen.T
    banks = []
    for _ in range(BANKS):
        angle = generator.uniform(0, 2 * np.pi)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        banks.append(phase.at(places @ turn.T + generator.uniform(0, phase.box_angstrom, 2)))
    first = tuple(low // PATCH_PIXELS - 1 for low in lowest)
    counts = tuple(
        high // PATCH_PIXELS - start + 1 for high, start in zip(highest, first, strict=True)
    )
    bank, begin_y, begin_x = (
        generator.integers(0, most, counts) for most in (BANKS, ROOM_PIXELS, ROOM_PIXELS)
    )
    start = (bank * side + begin_y) * side + begin_x
    return Quilt(torch.from_numpy(np.stack(banks)), (first[0], first[1]), torch.from_numpy(start))
