"""Correlation of whole images and waves, in one number."""

import torch

from diffragan.typing import Float, Tensor


def correlation(recovered: Tensor, true: Tensor) -> Float[Tensor, "*batch"]:
    """Correlation coefficient of images or waves `(..., y, x)`; 1 for a scaled copy.

    C = Re sum (a - mean a) (b - mean b)* / sqrt(sum |a - mean a|^2 sum |b - mean b|^2): Pearson's
    for images, and for waves its real part, so that a common phase counts as an error. 0 where one
    of them is flat.
    """
    first, second = (v - v.mean((-2, -1), keepdim=True) for v in (recovered, true))
    cross = (first * second.conj()).real.sum((-2, -1))
    roots = [torch.sqrt((v.abs() ** 2).sum((-2, -1))) for v in (first, second)]
    norm = roots[0] * roots[1]
    return torch.where(norm > 0, cross / norm.clamp(min=torch.finfo(norm.dtype).tiny), 0.0)
