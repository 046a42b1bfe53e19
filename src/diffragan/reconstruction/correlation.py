"""How alike two maps are, shell by shell."""

import torch

from diffragan.grid import Grid
from diffragan.rings import ring_correlation, ring_index
from diffragan.typing import Float, Tensor, Volume


def fourier_shell_correlation(
    volume_a: Volume, volume_b: Volume, grid: Grid
) -> tuple[Float[Tensor, " shell"], Float[Tensor, " shell"]]:
    """Fourier shell correlation of two maps `(z, y, x)` on one grid.

    Returns
    -------
    frequency_per_angstrom : `(shell,)` [1/Å], from zero to the last shell whose frequencies are all
        below Nyquist.
    fsc : `(shell,)`, between -1 and 1.

    Source: Harauz and van Heel, Optik 73 (1986) 146.
    """
    shells = ring_index(tuple(volume_a.shape), volume_a.device)
    count = (grid.pixels + 1) // 2
    # The sums of a shell run over 10^5 voxels: float32 would lose digits.
    first, second = (torch.fft.fftn(volume.double()) for volume in (volume_a, volume_b))
    fsc = ring_correlation(first, second, shells, count)
    frequency = torch.arange(count, dtype=fsc.dtype, device=fsc.device) / grid.box_angstrom
    return frequency, fsc
