"""Take the lens's transfer off a map whose images all had the same one.

Images that one lens blurred alike are projections of a map that is blurred alike. Its shells are
divided by the transfer, and held back where its halves do not agree (Wiener), for a shell of which
the lens passed next to nothing would be noise amplified.

Source: Rosenthal and Henderson, J. Mol. Biol. 333 (2003) 721 (what halves tell of the whole map).
"""

import torch

from diffragan.grid import Grid
from diffragan.reconstruction.correlation import fourier_shell_correlation
from diffragan.reconstruction.maps import Maps
from diffragan.rings import ring_index
from diffragan.typing import Float, Tensor, Volume

SMALLEST_TRANSFER = 0.02
"""Frequencies of which the lens transferred less are as good as lost."""


def without_transfer(maps: Maps, transfer: Float[Tensor, " shell"], grid: Grid) -> Maps:
    """Return maps of the potential itself; their halves correlate as before.

    Parameters
    ----------
    maps : Of phase-flipped images, `(z, y, x)`, origin at pixel n // 2.
    transfer : Modulus of the transfer in every shell, to the corner of the cube.
    grid : Of the maps.
    """
    _, correlation = fourier_shell_correlation(maps.half1, maps.half2, grid)
    halves = correlation.clamp(min=0)
    trusted = torch.zeros(len(transfer), dtype=torch.float64, device=halves.device)
    trusted[: len(halves)] = 2 * halves / (1 + halves)
    factor = trusted / transfer.to(trusted).clamp(min=SMALLEST_TRANSFER)
    factor[0] = 0

    def undone(volume: Volume) -> Volume:
        spectrum = torch.fft.fftn(torch.fft.ifftshift(volume.double()))
        shells = ring_index(tuple(volume.shape), volume.device)
        filtered = torch.fft.fftshift(torch.fft.ifftn(spectrum * factor[shells]).real)
        # No image tells frequency zero: vacuum, most of the box, does.
        found: Tensor = (filtered - filtered.median()).to(volume.dtype)
        return found

    return Maps(undone(maps.full), undone(maps.half1), undone(maps.half2), maps.views)
