"""Lay an image on what other views say of its Fourier samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from diffragan.alignment import align
from diffragan.reconstruction.band import Band, images_of
from diffragan.reconstruction.other_slices import Reference
from diffragan.typing import Complex, Float, Tensor

Pair = tuple[Complex[Tensor, " sample"], Reference]
"""An image's samples, and what others say of them."""

LEAST_GAIN = 1e-3
"""Of correlation, that a move must bring."""
THRESHOLD = 0.143
"""Of agreement with the other images, below which a shell and all beyond it are left out."""
LEAST_AGREEMENT = 0.05
"""That a shell counts for which is used in any case."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Factors that give shells equal powers, times how far images and references agree there."""

    image: Float[Tensor, " sample"]
    reference: Float[Tensor, " sample"]


def scale_of(pairs: Sequence[Pair], band: Band, trusted_shell: float) -> Scale:
    """Judge shells by some images and their references, of which none holds its image.

    Parameters
    ----------
    trusted_shell : Shells up to this one are used however they agree.
    """
    sums = torch.zeros(3, int(band.shells[-1]) + 1)
    for values, reference in pairs:
        mean, share = reference.mean, reference.share
        products = (values * mean.conj(), values * values.conj(), mean * mean.conj())
        for row, product in enumerate(products):
            sums[row].index_add_(0, band.shells, product.real * share)
    powers = sums[1:].clamp(min=torch.finfo(sums.dtype).tiny)
    agreement = sums[0] / powers.sqrt().prod(0)
    lost = (agreement < THRESHOLD) & (torch.arange(len(agreement)) > trusted_shell)
    trust = torch.where(lost.cumsum(0) > 0, 0.0, agreement.clamp(min=LEAST_AGREEMENT))
    image, reference_factor = (trust / powers).sqrt()
    return Scale(image[band.shells], reference_factor[band.shells])


def distance(
    pair: Pair, scale: Scale, band: Band, box_angstrom: float
) -> tuple[Float[Tensor, " 2"], float]:
    """Find how far an image must be moved onto its reference, x, y [Å], and how they agree then.

    A twin is the phasing's failure, not a shift: such an image stays, and agrees by nothing.
    """
    values, reference = pair
    share, side = reference.share.sqrt(), 2 * int(band.shells[-1]) + 2
    image, other = (
        images_of((one * share * factor)[None], band, side)
        for one, factor in ((values, scale.image), (reference.mean, scale.reference))
    )
    laid = align(image, other, LEAST_GAIN)
    if bool(laid.twin):
        return torch.zeros(2, dtype=torch.float64), 0.0
    return laid.shift_angstrom(box_angstrom)[0].flip(0).double(), float(laid.correlation)
