"""The discriminator: judges every 16-pixel patch of an image beside what was observed."""

from collections.abc import Sequence

import torch
from torch import nn

from diffragan.models.unet import INPUT_CHANNELS, LEAK
from diffragan.typing import Float, Tensor

KERNEL = 4
STRIDES = (2, 1, 1)
"""With kernels of 4 each output sees 16 pixels (Isola et al., CVPR 2017, appendix 6.1.2)."""


def receptive_field(kernel: int = KERNEL, strides: Sequence[int] = STRIDES) -> int:
    """Side of the square of input pixels that one output of stacked convolutions sees."""
    side = 1
    for stride in reversed(strides):
        side = (side - 1) * stride + kernel
    return side


class PatchGan(nn.Module):
    """Score each patch of (pattern, low-resolution image, high-resolution image) as real or not.

    There is no normalisation: its statistics would let every output see the whole image, and a
    patch would not be 16 pixels.

    Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = (INPUT_CHANNELS + 1, width, 2 * width, 1)
        layers: list[nn.Module] = []
        for before, after, stride in zip(widths[:-1], widths[1:], STRIDES, strict=True):
            layers += [nn.Conv2d(before, after, KERNEL, stride, padding=1), nn.LeakyReLU(LEAK)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(
        self, observed: Float[Tensor, "item 2 y x"], image: Float[Tensor, "item 1 y x"]
    ) -> Float[Tensor, "item 1 patch_y patch_x"]:
        """Return the logit of each patch: above zero is real."""
        scores: Tensor = self.layers(torch.cat([observed, image], dim=1))
        return scores
