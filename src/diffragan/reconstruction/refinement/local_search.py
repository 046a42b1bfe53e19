"""The best orientation and shift near a given one, by damped Gauss-Newton steps.

No grid: an image's five parameters move continuously to the maximum of its likelihood.

Source: Levenberg, Q. Appl. Math. 2 (1944) 164; Marquardt, J. SIAM 11 (1963) 431.
"""

import torch

from diffragan.reconstruction.band import Band, ramp, slice_points
from diffragan.reconstruction.map_table import MapTable
from diffragan.reconstruction.orientations import turn
from diffragan.reconstruction.refinement.global_search import as_rows
from diffragan.typing import Complex, Float, Tensor

FIRST_DAMPING = 1e-2
DAMPING_UP, DAMPING_DOWN = 8.0, 0.25


def climb(
    table: MapTable,
    data: Complex[Tensor, "n sample"],
    weights: Float[Tensor, " sample"],
    band: Band,
    rotations: Float[Tensor, "n 3 3"],
    shifts: Float[Tensor, "n 2"],
    box_angstrom: float,
    *,
    steps: int,
    max_shift: float,
) -> tuple[Float[Tensor, "n 3 3"], Float[Tensor, "n 2"], Float[Tensor, " n"]]:
    """Refine poses; an image's pose never becomes less likely.

    Parameters
    ----------
    table : Of the map.
    data : Coefficients of the images.
    weights : Share over variance of each sample.
    rotations, shifts : To start from; shifts in Å.
    box_angstrom : Side of the box [Å].
    steps : Of Gauss-Newton.
    max_shift : Shifts beyond it are not entered [Å].

    Returns
    -------
    Rotations, shifts, and `sum_k w_k |F_k - P_k|^2` of each image, on the CPU.
    """
    rotations, shifts = (v.double().to(data.device) for v in (rotations, shifts))
    cost, hessian, slope = _linearise(table, data, weights, band, rotations, shifts, box_angstrom)
    damping = torch.full_like(cost, FIRST_DAMPING)
    for _ in range(steps):
        diagonal = torch.diagonal(hessian, dim1=-2, dim2=-1)
        # An empty map has no curvature; the tiny constant keeps its equations solvable.
        floor = 1e-9 * diagonal.mean(-1, keepdim=True) + 1e-30
        damped = hessian + torch.diag_embed(damping[:, None] * diagonal + floor)
        step = torch.linalg.solve(damped, slope)
        new_rotations = turn(step[:, :3]) @ rotations
        new_shifts = shifts + step[:, 3:]
        tried = _linearise(table, data, weights, band, new_rotations, new_shifts, box_angstrom)
        better = (tried[0] < cost) & (new_shifts.norm(dim=1) <= max_shift)
        rotations = torch.where(better[:, None, None], new_rotations, rotations)
        shifts = torch.where(better[:, None], new_shifts, shifts)
        cost = torch.where(better, tried[0], cost)
        hessian = torch.where(better[:, None, None], tried[1], hessian)
        slope = torch.where(better[:, None], tried[2], slope)
        damping = damping * torch.where(better, DAMPING_DOWN, DAMPING_UP)
    return rotations.cpu(), shifts.cpu(), cost.cpu()


def _linearise(
    table: MapTable,
    data: Tensor,
    weights: Tensor,
    band: Band,
    rotations: Tensor,
    shifts: Tensor,
    box_angstrom: float,
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n 5 5"], Float[Tensor, "n 5"]]:
    """Cost of each image, and the normal equations of a turn [rad] and a shift [Å].

    Turning the molecule by a small vector omega moves the slice's point at frequency k by
    `R^T (k x omega)`, so the slice changes by `omega . (g x k)`, g the gradient turned by R.
    """
    turned = rotations.float()
    slices, gradient = table.sample_with_gradient(slice_points(turned, band))
    difference = data * ramp(shifts, band, box_angstrom) - slices
    g = gradient @ turned.mT.to(gradient.dtype)
    x, y = band.frequencies.float().T
    by_shift = torch.complex(slices.imag, -slices.real) * (2 * torch.pi / box_angstrom)
    columns = [-g[..., 2] * y, g[..., 2] * x, g[..., 0] * y - g[..., 1] * x]
    columns += [by_shift * x, by_shift * y]
    root = weights.sqrt()
    jacobian = as_rows(torch.stack(columns, -2) * root)
    residual = as_rows(difference * root)
    hessian = jacobian @ jacobian.mT
    slope = (jacobian @ residual[..., None])[..., 0]
    cost = residual.double().square().sum(-1)
    return cost, hessian.double(), slope.double()
