"""Images brought from one pixel size and box to another, exactly, in Fourier space."""

from math import floor

import torch

from diffragan.grid import Grid
from diffragan.typing import Float, Images, Tensor


def regrid(images: Images, source: Grid, target: Grid, shift_angstrom: Tensor) -> Images:
    """Sample images `(item, y, x)` of one grid on another, each moved by a shift.

    The sum over its Fourier coefficients continues each image between its pixels. Frequencies that
    the new grid cannot hold are left out, and what lies outside the old box is 0.

    Parameters
    ----------
    source, target : Grids with their origin at pixel n // 2, which is the same place in both.
    shift_angstrom : `(item, 2)`, how far to move each image along y and x [Å].
    """
    rows, columns = (
        _kernel(source, target, shift_angstrom[:, axis].to(images.device)) for axis in (0, 1)
    )
    moved: Tensor = rows.to(images.dtype) @ images @ columns.to(images.dtype).transpose(1, 2)
    return moved


def _kernel(
    source: Grid, target: Grid, shift_angstrom: Float[Tensor, " item"]
) -> Float[Tensor, "item to from"]:
    """Weights of the old pixels in the new ones, along one axis."""
    device = shift_angstrom.device
    at_old = _places(source, device)
    at_new = _places(target, device) - shift_angstrom.double()[:, None]
    last = source.pixels // 2
    held = floor(min(last, source.box_angstrom * target.nyquist_per_angstrom * (1 + 1e-9)))
    orders = torch.arange(held + 1, device=device, dtype=torch.float64)
    # Order 0 and, on an even grid, the last one stand alone; the others have a partner below 0.
    weights = torch.full_like(orders, 2.0)
    weights[0] = 1.0
    if held == last and source.pixels % 2 == 0:
        weights[-1] = 1.0
    turn = 2 * torch.pi * orders / source.box_angstrom
    # cos(a - b) = cos a cos b + sin a sin b keeps this two small products.
    new, old = at_new[..., None] * turn, at_old[:, None] * turn
    kernel = (torch.cos(new) * weights) @ torch.cos(old).T
    kernel += (torch.sin(new) * weights) @ torch.sin(old).T
    inside = at_new.abs() <= source.box_angstrom / 2 * (1 + 1e-9)
    return torch.where(inside[..., None], kernel / source.pixels, 0.0)


def _places(grid: Grid, device: torch.device) -> Float[Tensor, " pixel"]:
    pixels = torch.arange(grid.pixels, device=device, dtype=torch.float64)
    return (pixels - grid.pixels // 2) * grid.pixel_angstrom
