"""Patterns merged into one intensity in the molecule's Fourier space.

Each count goes to the eight samples around its pixel, and so does what was expected of the pixel
for a unit of intensity. Their ratio is the maximum-likelihood estimate for Poisson counts whose
rate is constant around a sample.

Source: Loh and Elser, Phys. Rev. E 80 (2009) 026705, eqs. 9 to 11 (merging at known orientations).
"""

from dataclasses import dataclass

import torch

from diffragan.errors import InputError
from diffragan.grid import Grid
from diffragan.reconstruction.many_views.geometry import turned
from diffragan.reconstruction.many_views.lattice import (
    add_at,
    corners,
    frequency,
    half_shape,
    with_mates,
)
from diffragan.reconstruction.many_views.patterns import PatternBatch, PatternSet
from diffragan.typing import Bool, Float, Tensor

LEAST_WEIGHT = 0.3
"""Of a pixel's weight: a sample that pixels only grazed is not measured."""


@dataclass(frozen=True, slots=True)
class Merged:
    """Intensities `(z, y, half_x)` in FFT order, with what they are worth."""

    grid: Grid
    values: Float[Tensor, "z y half_x"]
    """Sum of weighted values."""
    expected: Float[Tensor, "z y half_x"]
    """Sum of weighted expectations for a unit of intensity [1/(V2 Å6)]."""
    squares: Float[Tensor, "z y half_x"]
    """The same with squared weights: the variance of the values for a unit of intensity."""
    weights: Float[Tensor, "z y half_x"]
    """Pixels that came to a sample."""
    counted: bool
    limit_per_angstrom: float
    views: int
    background: Float[Tensor, "z y half_x"] | None = None
    """Sum of weighted backgrounds, part of the values; none is zero."""
    spread_per_angstrom: float = 0.0
    """Standard deviation of the detector's point spread, along the axes of each pattern [1/Å]."""

    @property
    def signal(self) -> Float[Tensor, "z y half_x"]:
        """Values less their background; negative where fewer came. They vary as the values do."""
        return self.values if self.background is None else self.values - self.background

    @property
    def known(self) -> Bool[Tensor, "z y half_x"]:
        """Where an intensity was measured."""
        inside = frequency(self.grid, self.values.device) <= self.limit_per_angstrom
        return inside & (self.weights > LEAST_WEIGHT)

    @property
    def intensity(self) -> Float[Tensor, "z y half_x"]:
        """Squared transform of the potential, 0 where it was not measured [V2 Å6]."""
        found = self.signal.clamp(min=0) / self.expected.clamp(min=_TINY)
        return torch.where(self.known, found, 0.0).float()

    @property
    def sharing(self) -> Float[Tensor, "z y half_x"]:
        """How many independent counts each weighted one stands for, 1 or more.

        A count shared among samples varies less in each of them: the variance of a weighted sum
        has the squares of the weights.
        """
        return (self.expected / self.squares.clamp(min=_TINY)).clamp(min=1)


_TINY = torch.finfo(torch.float64).tiny


class Merger:
    """Sums of patterns; memory does not grow with their number."""

    def __init__(self, grid: Grid, device: torch.device | str = "cpu") -> None:
        """Start without patterns."""
        self.grid, self.views = grid, 0
        size = torch.Size(half_shape(grid)).numel()
        self._sums = torch.zeros(4, size, dtype=torch.float64, device=device)
        self._background: Tensor | None = None

    def add(self, batch: PatternBatch, points: Float[Tensor, "pixel 3"]) -> None:
        """Add patterns whose pixels lie at laboratory points [1/Å]."""
        device = self._sums.device
        if batch.background is not None and self._background is None:
            self._background = torch.zeros_like(self._sums[0])
        for row, (values, rotation, expected) in enumerate(
            zip(batch.values.to(device), batch.rotations, batch.expected.tolist(), strict=True)
        ):
            at = corners(turned(points.to(device), rotation[None])[0], self.grid)
            one = torch.ones_like(values)
            add_at(self._sums[0], at, values)
            add_at(self._sums[1], at, one * expected)
            add_at(self._sums[2], at, one * expected, power=2)
            add_at(self._sums[3], at, one)
            if batch.background is not None and self._background is not None:
                add_at(self._background, at, batch.background[row].to(values))
            self.views += 1

    def merged(
        self, counted: bool, limit_per_angstrom: float, spread_per_angstrom: float = 0.0
    ) -> Merged:
        """Return what was merged so far."""
        shape = half_shape(self.grid)
        values, expected, squares, weights = (with_mates(s.reshape(shape)) for s in self._sums)
        background = self._background
        return Merged(
            self.grid,
            values,
            expected,
            squares,
            weights,
            counted,
            limit_per_angstrom,
            self.views,
            None if background is None else with_mates(background.reshape(shape)),
            spread_per_angstrom,
        )


def merge(
    patterns: PatternSet,
    grid: Grid,
    limit_per_angstrom: float,
    device: torch.device | str = "cpu",
) -> Merged:
    """Merge all patterns of a set.

    Raises
    ------
    InputError : The set is empty.
    """
    if len(patterns) == 0:
        raise InputError(f"{patterns.name}: no pattern is left to merge")
    merger = Merger(grid, device)
    for batch in patterns.batches():
        merger.add(batch, patterns.pixels.points)
    setting = patterns.experiment
    spread = setting.detector.point_spread_pixels / setting.box_angstrom
    return merger.merged(patterns.counted, limit_per_angstrom, spread)


def added(first: Merged, second: Merged) -> Merged:
    """Merge of two sets of patterns, from the merges of each."""
    return Merged(
        first.grid,
        first.values + second.values,
        first.expected + second.expected,
        first.squares + second.squares,
        first.weights + second.weights,
        first.counted,
        min(first.limit_per_angstrom, second.limit_per_angstrom),
        first.views + second.views,
        _both(first.background, second.background),
        first.spread_per_angstrom,
    )


def _both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return first if second is None else second
    return first + second
