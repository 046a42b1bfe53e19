"""The eight ways to lay a square field on its grid: quarter turns and mirror images.

Detector and grid do not tell them apart, so what is true of one is true of all; a network that was
trained on one answers each a little otherwise, and the mean of its answers errs less.
"""

from dataclasses import dataclass

import torch

from diffragan.typing import Tensor


def reversed_about_origin(field: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Reverse axes of even side about their pixel 0, and so about n/2: pixel i goes to -i."""
    return torch.roll(field.flip(axes), [1] * len(axes), axes) if axes else field


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Axes exchanged, then coordinates reversed about the origin, at pixel [0, 0] or [n/2, n/2].

    A field and its Fourier transform take the same one.
    """

    exchanged: bool
    reversed_axes: tuple[int, ...]
    """Of -2 (y) and -1 (x)."""

    def laid(self, field: Tensor) -> Tensor:
        """Lay a field `(..., y, x)` of even side."""
        field = field.transpose(-2, -1) if self.exchanged else field
        return reversed_about_origin(field, self.reversed_axes).contiguous()

    def back(self, field: Tensor) -> Tensor:
        """Undo `laid`."""
        field = reversed_about_origin(field, self.reversed_axes)
        return (field.transpose(-2, -1) if self.exchanged else field).contiguous()


SYMMETRIES = tuple(
    Symmetry(exchanged, axes)
    for exchanged in (False, True)
    for axes in ((), (-1,), (-2,), (-2, -1))
)
"""The first changes nothing."""
