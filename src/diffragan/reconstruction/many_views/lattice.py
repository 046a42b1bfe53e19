"""Eight corners around each point of Fourier space, on the half of it that a real map needs.

Intensities are the same at q and -q (Friedel), so half a transform of shape `(z, y, x // 2 + 1)`
in FFT order holds them all: a point of negative x is looked for at -q.
"""

from dataclasses import dataclass

import torch

from diffragan.grid import Grid
from diffragan.typing import Bool, Float, Int, Tensor, Volume


@dataclass(frozen=True, slots=True)
class Corners:
    """Where points lie between samples, and how much each sample has of them."""

    places: Int[Tensor, "corner point"]
    """In the flattened half transform."""
    weights: Float[Tensor, "corner point"]
    """They add up to 1 for each point; 0 where the point lies beyond the grid."""
    folded: Bool[Tensor, " point"]
    """Whether a point was looked for at its Friedel mate."""


def half_shape(grid: Grid) -> tuple[int, int, int]:
    """Shape of the half transform of a cube."""
    return grid.pixels, grid.pixels, grid.pixels // 2 + 1


def corners(points: Float[Tensor, "*batch 3"], grid: Grid) -> Corners:
    """Find the corners and the linear weights of points x, y, z [1/Å]."""
    flat = points.reshape(-1, 3) * grid.box_angstrom
    folded = flat[:, 0] < 0
    flat = torch.where(folded[:, None], -flat, flat)
    low = torch.floor(flat)
    share = flat - low
    low = low.long()
    half = grid.pixels // 2
    inside = ((low >= -half) & (low + 1 < half)).all(-1)
    along = [_along_axis(low[:, axis], share[:, axis], grid.pixels) for axis in range(3)]
    row = half + 1
    places, weights = [], []
    for z, of_z in along[2]:
        for y, of_y in along[1]:
            start, of_both = (z * grid.pixels + y) * row, of_z * of_y * inside
            for x, of_x in along[0]:
                places.append(start + x)
                weights.append(of_both * of_x)
    found = torch.stack(places)
    found.mul_(inside)
    return Corners(found, torch.stack(weights), folded)


def nearest_place(points: Float[Tensor, "*batch 3"], grid: Grid) -> Int[Tensor, "*batch"]:
    """Find the nearest sample to points x, y, z [1/Å] in the flattened half transform.

    Points beyond the grid get that of its edge.
    """
    half = grid.pixels // 2
    near = torch.round(points * grid.box_angstrom).long().clamp(-half, half)
    near = torch.where(near[..., :1] < 0, -near, near)
    x, y, z = near.unbind(-1)
    return ((z % grid.pixels) * grid.pixels + y % grid.pixels) * (half + 1) + x


def _along_axis(low: Tensor, share: Tensor, pixels: int) -> tuple[tuple[Tensor, Tensor], ...]:
    return (low % pixels, 1 - share), ((low + 1) % pixels, share)


def add_at(sums: Tensor, at: Corners, values: Tensor, power: int = 1) -> None:
    """Add values of points, real or complex, to a flattened half transform by powers of weights."""
    weights = at.weights if power == 1 else at.weights**power
    for place, weight in zip(at.places, weights, strict=True):
        sums.index_add_(0, place, (weight * values).to(sums.dtype))


def read_at(volume: Tensor, at: Corners) -> Tensor:
    """Interpolate a half transform `(z, y, half_x)` linearly; 0 beyond the grid.

    Complex values are those at the places that `at` names: conjugates where it is `folded`.
    """
    flat = volume.reshape(-1)
    total = at.weights[0] * flat[at.places[0]]
    for place, weight in zip(at.places[1:], at.weights[1:], strict=True):
        total.addcmul_(weight, flat[place])
    return total


def with_mates(sums: Tensor) -> Tensor:
    """Add to each sample of the plane x = 0 what came to its Friedel mate, which is there too.

    Parameters
    ----------
    sums : `(z, y, half_x)`, real, or complex coefficients of a real map.
    """
    out = sums.clone()
    plane = sums[..., 0]
    out[..., 0] = plane + torch.roll(plane.flip(0, 1), (1, 1), (0, 1)).conj()
    return out


def frequency(grid: Grid, device: torch.device | str = "cpu") -> Float[Tensor, "z y half_x"]:
    """Distance of each sample from zero [1/Å]."""
    axis = grid.axis_frequencies(device, torch.float64)
    x = axis[: grid.pixels // 2 + 1].abs()  # the half transform's last one is positive
    squared = axis[:, None, None] ** 2 + axis[:, None] ** 2 + x**2
    return torch.sqrt(squared).float()


def within_limit(volume: Volume, grid: Grid, limit_per_angstrom: float) -> Volume:
    """Cut a map off at a frequency; its origin may lie anywhere."""
    inside = frequency(grid, volume.device) <= limit_per_angstrom
    spectrum = torch.where(inside, torch.fft.rfftn(volume), 0.0)
    out: Tensor = torch.fft.irfftn(spectrum, s=volume.shape)
    return out


def multiplicity(grid: Grid, device: torch.device | str = "cpu") -> Float[Tensor, " half_x"]:
    """How often each plane of the half transform stands in a whole one."""
    times = torch.full((grid.pixels // 2 + 1,), 2.0, device=device)
    times[0] = times[-1] = 1.0
    return times


def shell_index(grid: Grid, device: torch.device | str = "cpu") -> Int[Tensor, "z y half_x"]:
    """Shell of each sample, by its distance from zero rounded to whole samples."""
    return torch.round(frequency(grid, device) * grid.box_angstrom).long()


def shell_sum(
    values: Float[Tensor, "z y half_x"],
    shells: Int[Tensor, "z y half_x"],
    chosen: Bool[Tensor, "z y half_x"] | None = None,
) -> Float[Tensor, " shell"]:
    """Sum values over shells, of chosen samples alone if asked."""
    counted = values if chosen is None else torch.where(chosen, values, 0.0)
    total = torch.zeros(int(shells.max()) + 1, dtype=torch.float64, device=values.device)
    return total.index_add_(0, shells.reshape(-1), counted.double().reshape(-1))
