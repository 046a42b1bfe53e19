"""What all other views say of the samples of one: the reference that its image is laid on.

Two central slices meet in a line, so each view is seen by every other in part. A map of few views
says of each mostly what that view said itself; here a view's own share is taken off the sums first.

Source: Crowther, DeRosier and Klug, Proc. R. Soc. A 317 (1970) 319 (the common lines).
"""

from dataclasses import dataclass

import torch

from diffragan.reconstruction.band import Band, slice_points
from diffragan.typing import Complex, Float, Int, Tensor

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


@dataclass(frozen=True, slots=True)
class _Corners:
    """Samples of the grid about those of a slice."""

    places: Int[Tensor, "sample 8"]
    partners: Int[Tensor, "sample 8"]
    """Of the other sign."""
    shares: Float[Tensor, "sample 8"]


class SliceSums:
    """Slices of many views, summed on a grid of periods of the box by trilinear weights."""

    def __init__(self, band: Band, turns: Float[Tensor, "turn 3 3"] | None = None) -> None:
        """Start without views; `turns` is the symmetry of the molecule."""
        self.band = band
        self._turns = torch.eye(3)[None].double() if turns is None else turns.double()
        self._side = 2 * (int(band.shells[-1]) + MARGIN)
        self._sums = torch.zeros(self._side**3, dtype=torch.complex64)
        self._weight = torch.zeros(self._side**3)
        # Zero between calls: a view's own share is worked out in them.
        self._own_sums = torch.zeros_like(self._sums)
        self._own_weight = torch.zeros_like(self._weight)

    def add(self, values: Complex[Tensor, " sample"], rotation: Float[Tensor, "3 3"]) -> None:
        """Add a view, whose molecule lies at the origin.

        Parameters
        ----------
        values : `(sample,)` its transform at the band's samples.
        rotation : `(3, 3)` molecule to laboratory frame.
        """
        for turn in self._turns:
            _spread(values, self._corners(rotation, turn), self._sums, self._weight)

    def seen(self, rotation: Float[Tensor, "3 3"]) -> Reference:
        """Return what all views say of the samples of one that was not added."""
        corners = self._corners(rotation, self._turns[0])
        return Reference(_read(self._sums, corners), _read(self._weight, corners))

    def others(
        self, values: Complex[Tensor, " sample"], rotation: Float[Tensor, "3 3"]
    ) -> Reference:
        """Return what all views but one say of its samples; it as `add` took it."""
        all_turns = [self._corners(rotation, turn) for turn in self._turns]
        for corners in all_turns:
            _spread(values, corners, self._own_sums, self._own_weight)
        first = all_turns[0]
        sums = _read(self._sums, first) - _read(self._own_sums, first)
        weight = _read(self._weight, first) - _read(self._own_weight, first)
        for corners in all_turns:
            for places in (corners.places, corners.partners):
                self._own_sums[places.flatten()] = 0
                self._own_weight[places.flatten()] = 0
        near = weight > LEAST_WEIGHT
        return Reference(torch.where(near, sums, 0), torch.where(near, weight, 0))

    def _corners(self, rotation: Float[Tensor, "3 3"], turn: Float[Tensor, "3 3"]) -> _Corners:
        points = slice_points(rotation.double() @ turn, self.band)
        below = points.floor()
        fraction = (points - below).float()
        places, partners, shares = [], [], []
        for corner in torch.cartesian_prod(*[torch.tensor([0, 1])] * 3):
            at = below.long() + corner
            places.append(self._place(at))
            partners.append(self._place(-at))
            shares.append(torch.where(corner.bool(), fraction, 1 - fraction).prod(-1))
        return _Corners(*(torch.stack(part, -1) for part in (places, partners, shares)))

    def _place(self, at: Int[Tensor, "sample 3"]) -> Int[Tensor, " sample"]:
        x, y, z = (at % self._side).unbind(-1)
        return (z * self._side + y) * self._side + x


def _spread(
    values: Complex[Tensor, " sample"],
    corners: _Corners,
    sums: Complex[Tensor, " grid"],
    weight: Float[Tensor, " grid"],
) -> None:
    """Add a slice, and the one of the other sign that a real molecule has with it, to a grid."""
    parts = values.to(sums.dtype)[:, None] * corners.shares
    for places, shared in ((corners.places, parts), (corners.partners, parts.conj())):
        sums.index_add_(0, places.flatten(), shared.resolve_conj().flatten())
        weight.index_add_(0, places.flatten(), corners.shares.flatten())


def _read(grid: Tensor, corners: _Corners) -> Tensor:
    """Interpolate a grid at the samples of a slice."""
    found: Tensor = (grid[corners.places] * corners.shares).sum(-1)
    return found
