"""What all other views say of the samples of one: the reference that its image is laid on.

Two central slices meet in a line, so each view is seen by every other in part. A map of few views
says of each mostly what that view said itself; here a view's own share is taken off the sums first.

Source: Crowther, DeRosier and Klug, Proc. R. Soc. A 317 (1970) 319 (the common lines).
"""

from dataclasses import dataclass
from math import prod

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.band import Band, slice_points
from diffragan.reconstruction.many_views.lattice import (
    Corners,
    add_at,
    corners,
    half_shape,
    read_at,
    with_mates,
)
from diffragan.typing import Complex, Float, Tensor

MARGIN = 2
"""Fourier samples beyond the band on each side, which interpolation touches."""
LEAST_WEIGHT = 1e-3
"""Of a view; what is left below it when a view's own share is taken off is rounding."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What views say of the samples of one."""

    sums: Complex[Tensor, " sample"]
    """Over the views that come near each sample, by how near they come."""
    weight: Float[Tensor, " sample"]
    """How many these are; 0 where none comes near."""

    @property
    def mean(self) -> Complex[Tensor, " sample"]:
        """What they say together; 0 where none comes near."""
        return self.sums / self.weight.clamp(min=LEAST_WEIGHT)

    @property
    def share(self) -> Float[Tensor, " sample"]:
        """How much their word counts: half for that of one view, nearly 1 for that of many."""
        return self.weight / (1 + self.weight)


class SliceSums:
    """Slices of many views, summed with linear weights on half a grid of periods of the box."""

    def __init__(self, band: Band, turns: Float[Tensor, "turn 3 3"] | None = None) -> None:
        """Start without views; `turns` is the symmetry of the molecule."""
        self.band = band
        self._turns = torch.eye(3)[None].double() if turns is None else turns.double()
        # Frequencies are in periods of the box here, as the band's are: a box of 1.
        self._grid = Grid(2 * (int(band.shells[-1]) + MARGIN), 1.0)
        self._sums, self._weight = self._nothing()

    def add(self, values: Complex[Tensor, " sample"], rotation: Float[Tensor, "3 3"]) -> None:
        """Add a view, whose molecule lies at the origin.

        Parameters
        ----------
        values : `(sample,)` its transform at the band's samples.
        rotation : `(3, 3)` molecule to laboratory frame.
        """
        self._spread(values, rotation, self._sums, self._weight)

    def seen(self, rotation: Float[Tensor, "3 3"]) -> Reference:
        """Return what all views say of the samples of one that was not added."""
        return self._read(self._sums, self._weight, rotation)

    def others(
        self, values: Complex[Tensor, " sample"], rotation: Float[Tensor, "3 3"]
    ) -> Reference:
        """Return what all views but one say of its samples; it as `add` took it."""
        own, own_weight = self._nothing()
        self._spread(values, rotation, own, own_weight)
        return self._read(self._sums - own, self._weight - own_weight, rotation)

    def _nothing(self) -> tuple[Complex[Tensor, " place"], Float[Tensor, " place"]]:
        count = prod(half_shape(self._grid))
        return torch.zeros(count, dtype=torch.complex64), torch.zeros(count)

    def _corners(self, rotation: Float[Tensor, "3 3"], turn: Float[Tensor, "3 3"]) -> Corners:
        return corners(slice_points(rotation.double() @ turn, self.band).float(), self._grid)

    def _spread(
        self,
        values: Complex[Tensor, " sample"],
        rotation: Float[Tensor, "3 3"],
        sums: Complex[Tensor, " place"],
        weight: Float[Tensor, " place"],
    ) -> None:
        for turn in self._turns:
            at = self._corners(rotation, turn)
            add_at(sums, at, torch.where(at.folded, values.conj(), values))
            add_at(weight, at, torch.ones(len(values)))

    def _read(
        self,
        sums: Complex[Tensor, " place"],
        weight: Float[Tensor, " place"],
        rotation: Float[Tensor, "3 3"],
    ) -> Reference:
        at, shape = self._corners(rotation, self._turns[0]), half_shape(self._grid)
        found, near = (read_at(with_mates(part.reshape(shape)), at) for part in (sums, weight))
        kept = near > LEAST_WEIGHT
        found = torch.where(at.folded, found.conj(), found)
        return Reference(torch.where(kept, found, 0), torch.where(kept, near, 0))
