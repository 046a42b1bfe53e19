"""How wrong the phases are, ring by ring."""

from math import pi

import torch

from diffragan.fourier import fourier
from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Float, Tensor

RANDOM_DEGREES = 90.0
"""What random phases give."""


def phase_error(recovered: Tensor, true: Tensor, rings: int) -> Float[Tensor, "*batch ring"]:
    """Mean phase error of images or waves `(..., y, x)` in rings 1 to `rings - 1` [degrees].

    E = sum |F_true| |arg(F_recovered F_true*)| / sum |F_true| over a ring: 0 for right phases
    whatever the moduli, 90 for random ones, 180 for inverted contrast. A coefficient that was not
    recovered at all counts as random. Hard rings.

    Source: Lunin and Woolfson, Acta Cryst. D49 (1993) 530, the weighted mean phase error.
    """
    first, second = (fourier(v - v.mean((-2, -1), keepdim=True)) for v in (recovered, true))
    product = first * second.conj()
    wrong = torch.where(product == 0, pi / 2, product.angle().abs())
    weight = second.abs()
    index = ring_index(tuple(second.shape[-2:]), second.device)
    total = ring_sum(weight, index, rings)
    summed = ring_sum(weight * wrong, index, rings)
    mean = torch.where(total > 0, summed / total.clamp(min=torch.finfo(total.dtype).tiny), pi / 2)
    return torch.rad2deg(mean)[..., 1:]
