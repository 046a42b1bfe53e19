"""The generator of the DiffraGAN paper: a U-Net from pattern and low-resolution image to image."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from diffragan.config.networks import GeneratorSettings
from diffragan.typing import Float, Tensor

INPUT_CHANNELS = 2
"""Diffraction pattern and low-resolution image."""
LARGEST_WIDENING = 8
LEAK = 0.2
"""Slope of the leaky rectifier (Isola et al., appendix 6.1)."""
CHANNELS_PER_GROUP = 16
OUTPUT_GAIN = 0.3
"""Brings the last layer's outputs, of order 1, to the size of encoded images, so that a step of the
optimiser changes them less than they differ from each other."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Normalise each item over groups of channels and all its pixels.

    Unlike batch norm, an item's output depends on that item alone, in training as in use; unlike
    instance norm, it works on a single pixel and keeps the channels' sizes relative to each other.
    """
    groups = max(1, channels // CHANNELS_PER_GROUP)
    return nn.GroupNorm(groups if channels % groups == 0 else 1, channels)


FIRST_SPREAD = 0.005
"""Of the last layer's first weights: training begins at vacuum, not with noise to be unlearned."""


class Down(nn.Module):
    """Halve the side: strided convolution, norm, leaky rectifier."""

    def __init__(self, inputs: int, outputs: int, *, normalise: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel_size=4, stride=2, padding=1)
        self.norm = group_norm(outputs) if normalise else nn.Identity()

    def forward(self, x: Float[Tensor, "item channel y x"]) -> Float[Tensor, "item channel y x"]:
        """Return features of half the side."""
        return functional.leaky_relu(self.norm(self.convolution(x)), LEAK)


class Up(nn.Module):
    """Double the side, beside the skipped features: resize, convolution, norm, rectifier.

    Resizing before an ordinary convolution treats all pixels alike; a strided transposed
    convolution does not and draws checkerboards (Odena et al., Distill 2016).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
        self.norm = group_norm(outputs)

    def forward(
        self, x: Float[Tensor, "item channel y x"], skipped: Float[Tensor, "item channel y x"]
    ) -> Float[Tensor, "item channel y x"]:
        """Return the doubled features and the skipped ones together."""
        doubled = functional.interpolate(x, scale_factor=2, mode="nearest")
        features = functional.relu(self.norm(self.convolution(doubled)))
        return torch.cat([features, skipped], dim=1)


class UNet(nn.Module):
    """U-Net with skips between layer i and layer n - i, and tanh at the end.

    Layer 0, the input, is skipped to the last convolution too: the image a network is to draw lies
    over the low-resolution image pixel by pixel.

    Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods; Isola et al., CVPR
    2017, sec. 3.2.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.pixels = settings.pixels
        widths = layer_widths(settings)
        inputs = [INPUT_CHANNELS, *widths[:-1]]
        self.down = nn.ModuleList(
            Down(before, after, normalise=layer > 0)
            for layer, (before, after) in enumerate(zip(inputs, widths, strict=True))
        )
        # The lowest layer has no skip; above it each receives features and the skip beside them.
        outputs = [widths[0], *widths[:-1]]
        skipped = [*inputs[1:], 0]
        received = [*outputs[1:], widths[-1]]
        self.up = nn.ModuleList(
            Up(features + beside, after)
            for features, beside, after in reversed(
                list(zip(received, skipped, outputs, strict=True))
            )
        )
        self.last = nn.Conv2d(outputs[0] + INPUT_CHANNELS, 1, kernel_size=3, padding=1)
        nn.init.normal_(self.last.weight, std=FIRST_SPREAD)

    def forward(self, observed: Float[Tensor, "item 2 y x"]) -> Float[Tensor, "item 1 y x"]:
        """Draw the high-resolution image, encoded between -1 and 1.

        Parameters
        ----------
        observed : `(item, 2, y, x)`, encoded pattern and low-resolution image.
        """
        layers = [observed]
        for down in self.down:
            layers.append(down(layers[-1]))
        x = layers.pop()
        for up in self.up:
            x = up(x, layers.pop())
        return torch.tanh(OUTPUT_GAIN * self.last(x))


def layer_widths(settings: GeneratorSettings) -> Sequence[int]:
    """Channels of each layer on the way down."""
    return [settings.width * min(2**layer, LARGEST_WIDENING) for layer in range(settings.depth)]


def parameter_count(module: nn.Module) -> int:
    """Count the trained numbers of a network."""
    return sum(parameter.numel() for parameter in module.parameters())
