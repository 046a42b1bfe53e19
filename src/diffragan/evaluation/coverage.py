"""How much of each ring was measured."""

import torch

from diffragan.rings import ring_index, ring_sum
from diffragan.typing import Float, Mask, Tensor


def measured_share(measured: Mask, rings: int) -> Float[Tensor, " ring"]:
    """Share of the samples of rings 1 to `rings - 1` that lie where the pattern was measured.

    1 for whole rings, less for those that only the corners of the recorded square reach, 0 beyond.
    Patterns are sampled at 1 / box, as the rings of images and waves are.

    Parameters
    ----------
    measured : `(q_y, q_x)`, centred, true where the pattern was measured.
    """
    middle = measured.shape[-1] // 2
    axis = torch.arange(-rings, rings + 1, device=measured.device)
    index = torch.fft.fftshift(ring_index((2 * rings + 1,) * 2, measured.device))
    inside = (axis >= -middle) & (axis < measured.shape[-1] - middle)
    known = torch.zeros_like(index, dtype=torch.float64)
    rows = axis[inside] + middle
    known[inside.nonzero(), inside.nonzero().T] = measured[rows[:, None], rows].double()
    ones = torch.ones_like(known)
    return (ring_sum(known, index, rings) / ring_sum(ones, index, rings))[1:]
