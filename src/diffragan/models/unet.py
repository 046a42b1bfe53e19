"""The generator of the DiffraGAN paper: a U-Net from pattern and low-resolution image to image."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from diffragan.config.networks import GeneratorSettings
from diffragan.models.dropout import Key, drop_features
from diffragan.typing import Float, Tensor

INPUT_CHANNELS = 2
"""Diffraction pattern and low-resolution image."""
LARGEST_WIDENING = 8
LEAK = 0.2
"""Slope of the leaky rectifier (Isola et al., appendix 6.1)."""
CHANNELS_PER_GROUP = 16
DROPPED_LAYERS = 3
"""Innermost layers on the way up that drop features (Isola et al., appendix 6.1.1)."""
OUTPUT_GAIN = 0.3
"""Brings the last layer's outputs, of order 1, to the size of encoded images, so that a step of the
optimiser changes them less than they differ from each other."""
FIRST_SPREAD = 0.005
"""Of the last layer's first weights: training begins at vacuum, not with noise to be unlearned."""


def group_norm(channels: int) -> nn.GroupNorm:
    """Normalise each item over groups of channels and all its pixels.

    Unlike batch norm, an item's output depends on that item alone, in training as in use; unlike
    instance norm, it works on a single pixel and keeps the channels' sizes relative to each other.
    """
    groups = max(1, channels // CHANNELS_PER_GROUP)
    return nn.GroupNorm(groups if channels % groups == 0 else 1, channels)


def doubling(inputs: int, outputs: int, upsampling: str) -> nn.Sequential:
    """Double the side: transposed 4 x 4 stride-2 convolution, or resize and 3 x 3 convolution.

    Resizing before an ordinary convolution treats all pixels alike; a strided transposed
    convolution does not and draws checkerboards (Odena et al., Distill 2016).
    """
    if upsampling == "transposed":
        return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1))
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 3, padding=1)
    )


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
    """Double the side: doubling convolution, norm, rectifier."""

    def __init__(self, inputs: int, outputs: int, upsampling: str) -> None:
        super().__init__()
        self.convolution = doubling(inputs, outputs, upsampling)
        self.norm = group_norm(outputs)

    def forward(self, x: Float[Tensor, "item channel y x"]) -> Float[Tensor, "item channel y x"]:
        """Return features of twice the side."""
        return functional.relu(self.norm(self.convolution(x)))


class UNet(nn.Module):
    """U-Net with skips between layer i and layer n - i, and tanh at the end.

    With `input_skip` layer 0, the input, is skipped to the last convolution too.

    Source: Matinyan et al., Front. Mol. Biosci. 11 (2024) 1386963, methods; Isola et al., CVPR
    2017, sec. 3.2.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.pixels = settings.pixels
        self.dropout = settings.dropout
        self.input_skip = settings.input_skip
        widths = layer_widths(settings)
        inputs = [INPUT_CHANNELS, *widths[:-1]]
        self.down = nn.ModuleList(
            Down(before, after, normalise=layer > 0)
            for layer, (before, after) in enumerate(zip(inputs, widths, strict=True))
        )
        # From the innermost: it receives no skip, each other layer features and a skip as wide.
        narrowing = widths[-2::-1]
        received = [widths[-1], *(2 * width for width in narrowing)]
        self.up = nn.ModuleList(
            Up(before, after, settings.upsampling)
            for before, after in zip(received[:-1], narrowing, strict=True)
        )
        if settings.input_skip:
            self.up.append(Up(received[-1], widths[0], settings.upsampling))
            self.last = nn.Sequential(nn.Conv2d(widths[0] + INPUT_CHANNELS, 1, 3, padding=1))
        else:
            self.last = doubling(received[-1], 1, settings.upsampling)
        weights = self.last[-1].weight
        assert isinstance(weights, Tensor)
        nn.init.normal_(weights, std=FIRST_SPREAD)

    def forward(
        self, observed: Float[Tensor, "item 2 y x"], keys: Sequence[Key] | None = None
    ) -> Float[Tensor, "item 1 y x"]:
        """Draw the high-resolution image, encoded between -1 and 1.

        Parameters
        ----------
        observed : `(item, 2, y, x)`, encoded pattern and low-resolution image.
        keys : One per item, from which its dropout is drawn; nothing is dropped without them,
            neither in training mode nor in use.
        """
        skips = [observed]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for layer, up in enumerate(self.up):
            x = up(x)
            if keys is not None and self.dropout > 0 and layer < DROPPED_LAYERS:
                x = drop_features(x, self.dropout, keys, layer)
            x = torch.cat([x, skips.pop()], dim=1)
        return torch.tanh(OUTPUT_GAIN * self.last(x))


def layer_widths(settings: GeneratorSettings) -> list[int]:
    """Channels of each layer on the way down."""
    return [settings.width * min(2**layer, LARGEST_WIDENING) for layer in range(settings.depth)]


def parameter_count(module: nn.Module) -> int:
    """Count the trained numbers of a network."""
    return sum(parameter.numel() for parameter in module.parameters())
