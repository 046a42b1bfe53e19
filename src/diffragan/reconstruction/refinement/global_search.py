"""The most likely of many orientations and shifts for each image: one matrix product.

With F an image's coefficients and P a slice of the map, the log-likelihood of an orientation and
a shift is, up to what depends on the image alone, `sum_k w_k (2 Re(F_k* ramp_k* P_k) - |P_k|^2)`.
"""

import math

import torch

from diffragan.reconstruction.band import Band, ramp, slice_points
from diffragan.reconstruction.map_table import MapTable
from diffragan.typing import Complex, Float, Int, Tensor

ORIENTATIONS_AT_ONCE = 2048


def shift_grid(reach: float, step: float) -> Float[Tensor, "shift 2"]:
    """Shifts x, y on a square grid within a circle [Å]."""
    count = int(reach / step)
    axis = step * torch.arange(-count, count + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    inside = x**2 + y**2 <= reach**2 + 1e-9
    return torch.stack([x[inside], y[inside]], -1)


def as_rows(values: Complex[Tensor, "*batch sample"]) -> Float[Tensor, "*batch twice"]:
    """Real and imaginary parts beside each other."""
    return torch.cat([values.real, values.imag], -1)


def reference_slices(
    table: MapTable, orientations: Float[Tensor, "orientation 3 3"], band: Band
) -> Complex[Tensor, "orientation sample"]:
    """Slices of a map along many orientations."""
    parts = [
        table.sample(slice_points(part.float(), band))
        for part in torch.split(orientations, ORIENTATIONS_AT_ONCE)
    ]
    return torch.cat(parts)


def moved_images(
    data: Complex[Tensor, "n sample"],
    shifts: Float[Tensor, "shift 2"],
    band: Band,
    box_angstrom: float,
) -> Complex[Tensor, "n shift sample"]:
    """Images moved back by each of the shifts [Å]."""
    return data[:, None] * ramp(shifts, band, box_angstrom)


def log_likelihoods(
    moved: Complex[Tensor, "n shift sample"],
    references: Complex[Tensor, "orientation sample"],
    weights: Float[Tensor, " sample"],
) -> Float[Tensor, "n shift orientation"]:
    """Log-likelihood of each image at each shift and orientation, less that of an empty map."""
    powers = (references.real**2 + references.imag**2) @ weights
    weighted = as_rows(moved) * (2 * weights).repeat(2)
    return weighted @ as_rows(references).T - powers


def best_candidates(
    best: Float[Tensor, "n orientation"],
    shift: Int[Tensor, "n orientation"],
    orientations: Float[Tensor, "orientation 3 3"],
    count: int,
    apart: float,
) -> tuple[Int[Tensor, "n candidate"], Int[Tensor, "n candidate"]]:
    """Orientations that score best and lie at least `apart` [rad] from each other, and shifts.

    Parameters
    ----------
    best, shift : Best score over the shifts, and which shift it is.
    """
    flat = orientations.reshape(-1, 9).to(best)
    # Within the angle when the trace of R_a^T R_b is larger than this.
    near = 1 + 2 * math.cos(apart)
    chosen = []
    for _ in range(count):
        top = best.argmax(1)
        chosen.append(top)
        best = best.masked_fill(flat[top] @ flat.T > near, -torch.inf)
    picked = torch.stack(chosen, 1)
    return picked, shift.gather(1, picked)
