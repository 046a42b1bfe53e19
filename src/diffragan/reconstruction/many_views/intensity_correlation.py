"""How alike two intensities are, shell by shell."""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.many_views.lattice import multiplicity, shell_index, shell_sum
from diffragan.typing import Bool, Float, Tensor


def intensity_correlation(
    first: Float[Tensor, "z y half_x"],
    second: Float[Tensor, "z y half_x"],
    known: Bool[Tensor, "z y half_x"],
    grid: Grid,
) -> Float[Tensor, " shell"]:
    """Correlation of intensities around their shell's means, 0 for a shell without any.

    Parameters
    ----------
    known : Samples that are compared.
    """
    shells = shell_index(grid, first.device)
    times = multiplicity(grid, first.device).double().expand(first.shape)

    def total(values: Tensor) -> Tensor:
        return shell_sum(values * times, shells, known)

    count = total(torch.ones_like(first)).clamp(min=1)
    one, other = first.double(), second.double()
    one = one - (total(one) / count)[shells]
    other = other - (total(other) / count)[shells]
    power = total(one**2) * total(other**2)
    found: Tensor = total(one * other) / power.clamp(min=torch.finfo(torch.float64).tiny).sqrt()
    return found
