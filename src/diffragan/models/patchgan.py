"""The discriminator: judges every patch of an image beside what was observed."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from diffragan.config.networks import DiscriminatorSettings, GeneratorSettings
from diffragan.models.unet import INPUT_CHANNELS, LARGEST_WIDENING, LEAK
from diffragan.typing import Float, Tensor


@dataclass(frozen=True, slots=True)
class Layer:
    """One convolution of the discriminator."""

    kernel: int
    stride: int
    padding: int


PIXEL = Layer(1, 1, 0)
HALVING = Layer(4, 2, 1)
KEEPING = Layer(4, 1, 1)
"""Keeps the side but for one pixel."""
PATCHES = {
    1: (PIXEL,) * 3,
    16: (HALVING, KEEPING, KEEPING),
    70: (HALVING,) * 3 + (KEEPING,) * 2,
}
"""Layers by the side of the patch that one score sees (Isola et al., appendix 6.1.2)."""
LAST_SIDE = 4
"""A discriminator of whole images halves them to at most this side, which its last layer spans."""


class Judgement(NamedTuple):
    """What the discriminator says of some images."""

    scores: Float[Tensor, "item 1 patch_y patch_x"]
    """Of each patch; the larger, the more real."""
    features: tuple[Tensor, ...]
    """Of each layer before the scores; empty unless asked for."""


class PatchGan(nn.Module):
    """Score each patch of (pattern, low-resolution image, high-resolution image) as real or not.

    There is no normalisation: its statistics would let every score see the whole image, and a
    patch would not be a patch.

    Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods; Isola et al., CVPR
    2017, sec. 3.2.2.
    """

    def __init__(self, settings: DiscriminatorSettings, generator: GeneratorSettings) -> None:
        super().__init__()
        plan = layer_plan(settings, generator.pixels)
        width = settings.width or generator.width
        hidden = [width * min(2**layer, LARGEST_WIDENING) for layer in range(len(plan) - 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, layer.kernel, layer.stride, layer.padding)
            for before, after, layer in zip(
                [INPUT_CHANNELS + 1, *hidden], [*hidden, 1], plan, strict=True
            )
        )

    def forward(
        self,
        observed: Float[Tensor, "item 2 y x"],
        image: Float[Tensor, "item 1 y x"],
        *,
        with_features: bool = False,
    ) -> Judgement:
        """Return the score of each patch, and the features that led to it if they are asked for."""
        *hidden, last = self.convolutions
        x = torch.cat([observed, image], dim=1)
        features: list[Tensor] = []
        for convolution in hidden:
            x = nn.functional.leaky_relu(convolution(x), LEAK)
            if with_features:
                features.append(x)
        return Judgement(last(x), tuple(features))


def layer_plan(settings: DiscriminatorSettings, pixels: int) -> tuple[Layer, ...]:
    """Layers of a discriminator of images of `pixels`."""
    if settings.patch_pixels != "image":
        return PATCHES[settings.patch_pixels]
    halvings, side = 0, pixels
    while side > LAST_SIDE:
        side //= 2
        halvings += 1
    return (HALVING,) * halvings + (Layer(side, 1, 0),)


def receptive_field(discriminator: PatchGan) -> int:
    """Side of the square of input pixels that one score sees, from the layers there are [pixels].

    Source: Araujo et al., Distill 2019, eq. 1.
    """
    side = 1
    for convolution in reversed(discriminator.convolutions):
        assert isinstance(convolution, nn.Conv2d)
        side = (side - 1) * convolution.stride[0] + convolution.kernel_size[0]
    return side
