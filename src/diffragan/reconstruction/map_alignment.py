"""Lay one map on another: rotation, shift and hand by correlation, then exactly by Gauss-Newton.

Every orientation of a coarse grid turns the moving map's transform; one small FFT then gives its
correlation with the fixed map at all shifts. The best few of both hands climb to their maximum
with more and more of the transform.
"""

import math
from dataclasses import dataclass

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.map_table import MapTable, make_table
from diffragan.reconstruction.orientations import orientation_grid, turn
from diffragan.typing import Complex, Float, Int, Tensor, Volume

COARSE_SHELL = 6
"""Last shell of the coarse search; with it, steps of 16 degrees do not miss the peak."""
COARSE_STEP_DEGREES = 16.0
STARTS = 12
CLIMB_SHELLS = (6, 9, 13, 18)
CLIMB_STEPS = 10
ROTATIONS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class MapAlignment:
    """How to move a map: its point p goes to `rotation @ p + shift`, mirrored first or not."""

    rotation: Float[Tensor, "3 3"]
    shift_angstrom: Float[Tensor, " 3"]
    """Along x, y, z [Å]."""
    mirrored: bool
    """Whether the map was of the other hand: its z is turned round before all else."""
    correlation: float
    """Of the moved with the fixed map, over the shells that were compared."""
    other_hand_correlation: float
    """Best that the other hand reached."""


def mirror_map(volume: Volume) -> Volume:
    """Turn z round about plane n // 2: the same map with the other hand."""
    flipped = volume.flip(0)
    return flipped if len(volume) % 2 else torch.roll(flipped, 1, 0)


def align_maps(
    moving: Volume,
    fixed: Volume,
    grid: Grid,
    *,
    both_hands: bool = True,
    finest_angstrom: float | None = None,
) -> MapAlignment:
    """Find how `moving` must be turned, shifted and perhaps mirrored to lie on `fixed`.

    Parameters
    ----------
    moving, fixed : `(z, y, x)` on the same grid, origin at pixel n // 2.
    grid : Of both.
    both_hands : Try the mirrored map too.
    finest_angstrom : Finest detail that is compared; a fixed number of shells when left out [Å].
    """
    last = min(CLIMB_SHELLS[-1], (grid.pixels - 1) // 2 - 1)
    if finest_angstrom is not None:
        last = max(2, min(int(grid.box_angstrom / finest_angstrom), (grid.pixels - 1) // 2 - 1))
    found = []
    for mirrored in (False, True) if both_hands else (False,):
        volume = mirror_map(moving) if mirrored else moving
        table = make_table(volume.double(), last)
        target = make_table(fixed.double(), last)
        rotations, shifts = _coarse(table, target, grid, min(COARSE_SHELL, last))
        score = torch.zeros(len(rotations))
        for shell in sorted({min(s, last) for s in CLIMB_SHELLS} | {last}):
            rotations, shifts, score = climb_map(table, target, rotations, shifts, grid, shell)
        best = int(score.argmax())
        found.append((float(score[best]), mirrored, rotations[best], shifts[best]))
    found.sort(key=lambda f: -f[0])
    correlation, mirrored, rotation, shift = found[0]
    other = found[1][0] if both_hands else math.nan
    return MapAlignment(rotation, shift, mirrored, correlation, other)


def move_map(volume: Volume, alignment: MapAlignment, grid: Grid) -> Volume:
    """Move a map as an alignment says, by its transform at the turned frequencies."""
    pixels = grid.pixels
    last = (pixels - 1) // 2
    source = mirror_map(volume) if alignment.mirrored else volume
    table = make_table(source.double(), last)
    frequencies = _ball(last)
    values = table.sample(frequencies @ alignment.rotation)
    values = values * _phases(alignment.shift_angstrom[None], frequencies, grid)[0].conj()
    transform = torch.zeros(pixels, pixels, pixels // 2 + 1, dtype=torch.complex128)
    x, y, z = frequencies.long().T
    transform[z % pixels, y % pixels, x] = values.to(torch.complex128) * pixels**3
    moved: Tensor = torch.fft.fftshift(torch.fft.irfftn(transform, s=(pixels,) * 3))
    return moved.to(volume.dtype)


def climb_map(
    moving: MapTable,
    fixed: MapTable,
    rotations: Float[Tensor, "n 3 3"],
    shifts: Float[Tensor, "n 3"],
    grid: Grid,
    last_shell: int,
    steps: int = CLIMB_STEPS,
) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, "n 3"], Float[Tensor, " n"]]:
    """Improve rotations and shifts [Å] of `moving` by Gauss-Newton; shells weigh the same.

    Returns
    -------
    Rotations, shifts and the correlation of each.
    """
    points, target, weights = _whitened(fixed, last_shell)
    best = _linearise_map(moving, points, target, weights, rotations, shifts, grid)
    damping = torch.full((len(rotations),), 1e-2, dtype=torch.float64)
    for _ in range(steps):
        score, hessian, slope = best
        diagonal = torch.diagonal(hessian, dim1=-2, dim2=-1)
        damped = hessian + torch.diag_embed(damping[:, None] * diagonal + 1e-12)
        step = torch.linalg.solve(damped, slope)
        new_rotations, new_shifts = turn(step[:, :3]) @ rotations, shifts + step[:, 3:]
        tried = _linearise_map(moving, points, target, weights, new_rotations, new_shifts, grid)
        better = tried[0] > score
        rotations = torch.where(better[:, None, None], new_rotations, rotations)
        shifts = torch.where(better[:, None], new_shifts, shifts)
        best = (
            torch.where(better, tried[0], score),
            torch.where(better[:, None, None], tried[1], hessian),
            torch.where(better[:, None], tried[2], slope),
        )
        damping = damping * torch.where(better, 0.25, 8.0)
    return rotations, shifts, best[0]


def _linearise_map(
    moving: MapTable,
    points: Tensor,
    target: Tensor,
    weights: Tensor,
    rotations: Tensor,
    shifts: Tensor,
    grid: Grid,
) -> tuple[Tensor, Tensor, Tensor]:
    """Correlation, and the normal equations of a turn [rad] and a shift [Å], for each pose."""
    values, gradient = moving.sample_with_gradient(points @ rotations)
    values, gradient = values.to(torch.complex128), gradient.to(torch.complex128)
    wanted = target * _phases(shifts, points, grid)
    norms = ((values.abs() ** 2 * weights).sum(-1) * (target.abs() ** 2 * weights).sum()).sqrt()
    cross = ((values.conj() * wanted).real * weights).sum(-1)
    power = (values.abs() ** 2 * weights).sum(-1).clamp(min=1e-300)
    scale = (cross / power)[:, None]
    g = gradient @ rotations.mT.to(gradient.dtype)
    turned = torch.linalg.cross(g, points.to(g.dtype).expand_as(g))
    moved = -2j * torch.pi / grid.box_angstrom * values[..., None] * points
    root = weights.sqrt()[:, None]
    columns = torch.cat([turned, moved], -1) * root * scale[..., None]
    jacobian = torch.cat([columns.real, columns.imag], -2)
    difference = (wanted - scale * values) * weights.sqrt()
    residual = torch.cat([difference.real, difference.imag], -1)
    hessian = jacobian.mT @ jacobian
    slope = (jacobian.mT @ residual[..., None])[..., 0]
    return cross / norms.clamp(min=1e-300), hessian, slope


def _coarse(
    moving: MapTable, fixed: MapTable, grid: Grid, last_shell: int
) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, "n 3"]]:
    """Best few orientations of a grid, with the best shift of each."""
    points, target, weights = _whitened(fixed, last_shell)
    orientations = orientation_grid(COARSE_STEP_DEGREES)
    size = 2 * last_shell + 2
    x, y, z = points.long().T
    scores, places = [], []
    for part in torch.split(orientations, ROTATIONS_AT_ONCE):
        values = moving.sample(points.float() @ part.float())
        transform = torch.zeros(len(part), size, size, size // 2 + 1, dtype=torch.complex64)
        product = target.to(values.dtype) * values.conj() * weights.float()
        transform[:, z % size, y % size, x] = product / (
            (values.abs() ** 2 * weights.float()).sum(-1, keepdim=True).sqrt().clamp(min=1e-30)
        )
        correlation = torch.fft.irfftn(transform, s=(size,) * 3).flatten(1)
        top = correlation.max(1)
        scores.append(top.values)
        places.append(top.indices)
    chosen = torch.cat(scores).topk(STARTS).indices
    shifts = _unravel(torch.cat(places)[chosen], size) * grid.box_angstrom / size
    return orientations[chosen], shifts


def _unravel(places: Int[Tensor, " n"], size: int) -> Float[Tensor, "n 3"]:
    """Signed x, y, z of flat indices into `(z, y, x)`."""
    zyx = torch.stack([places // size**2, places // size % size, places % size], -1)
    return (((zyx + size // 2) % size - size // 2).flip(-1)).double()


def _ball(last_shell: int) -> Float[Tensor, "point 3"]:
    """Frequencies x, y, z of half a ball, each with its partner left out, without zero."""
    axis = torch.arange(-last_shell, last_shell + 1, dtype=torch.float64)
    z, y, x = torch.meshgrid(axis, axis, axis[axis >= 0], indexing="ij")
    inside = ((x**2 + y**2 + z**2).sqrt().round() <= last_shell) & (
        (x > 0) | (y > 0) | ((y == 0) & (z >= 0))
    )
    # On the plane x = 0 the half transform holds both partners.
    inside |= (x == 0) & ((y**2 + z**2).sqrt().round() <= last_shell)
    return torch.stack([x[inside], y[inside], z[inside]], -1)


def _whitened(
    fixed: MapTable, last_shell: int
) -> tuple[Float[Tensor, "point 3"], Complex[Tensor, " point"], Float[Tensor, " point"]]:
    """Points of the fixed map, its values there, and weights that give each shell its due.

    The square root of the power is taken off each shell: low frequencies do not rule alone.
    """
    points = _ball(last_shell)
    points = points[points.norm(dim=1) > 0]
    values = fixed.sample(points).to(torch.complex128)
    shells = points.norm(dim=1).round().long()
    power = torch.zeros(last_shell + 1, dtype=torch.float64).index_add(0, shells, values.abs() ** 2)
    count = torch.bincount(shells, minlength=last_shell + 1)
    mean = (power / count.clamp(min=1)).clamp(min=1e-300)
    return points, values, mean[shells].rsqrt()


def _phases(
    shifts: Float[Tensor, "n 3"], points: Float[Tensor, "point 3"], grid: Grid
) -> Complex[Tensor, "n point"]:
    turns = shifts @ points.T / grid.box_angstrom
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)
