"""Settings of the conditional GAN's networks, and of what they minimise."""

from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings

WIDEST = 128


class GeneratorSettings(Settings):
    """The U-Net: input side, channel width, depth, and how it doubles and drops features."""

    pixels: int = Field(128, ge=24, le=1024)
    """Side of the images the network sees, a multiple of 2 to the depth [pixels]."""
    width: int = Field(16, ge=4, le=WIDEST)
    """Channels of the first layer; they double per layer up to eight times."""
    depth: int = Field(6, ge=3, le=9)
    """Number of 4 x 4 stride-2 convolutions on the way down."""
    upsampling: Literal["resize", "transposed"] = "resize"
    """How a layer doubles the side on the way up: resizing and a 3 x 3 convolution, which draws no
    checkerboard, or the 4 x 4 stride-2 transposed convolution of pix2pix."""
    input_skip: bool = True
    """Give the last convolution the input too, over which the image lies pixel by pixel; pix2pix's
    first skip begins one layer deeper."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the features dropped in the three innermost layers on the way up, in training and in
    draws that are asked for (`phase --samples`); never otherwise. pix2pix: 0.5."""

    @model_validator(mode="after")
    def _every_layer_halves(self) -> Self:
        if self.pixels % 2**self.depth:
            raise ValueError(
                f"pixels is {self.pixels} and depth {self.depth}; pixels must be a multiple of "
                f"{2**self.depth} (2 to the depth)"
            )
        return self


class DiscriminatorSettings(Settings):
    """The PatchGAN: how large a piece of the image each of its scores judges."""

    patch_pixels: Literal[1, 16, 70, "image"] = 16
    """Side of the square that one score sees [pixels], or the whole image by one score."""
    width: int | None = Field(None, ge=4, le=WIDEST)
    """Channels of the first layer; the generator's when left out."""


class ObjectiveSettings(Settings):
    """What the generator and the discriminator minimise."""

    adversarial: Literal["bce", "hinge", "least-squares"] = "bce"
    """Loss on the scores: binary cross-entropy, hinge, or squares."""
    adversarial_weight: float = Field(1.0, ge=0)
    """Weight of being taken for real; at 0 there is no discriminator: a U-Net by L1 alone."""
    l1_weight: float = Field(100.0, ge=0)
    """Weight of the mean absolute difference from the truth."""
    feature_matching_weight: float = Field(0.0, ge=0)
    """Weight of the mean absolute difference of the discriminator's features from the truth's."""

    @property
    def uses_discriminator(self) -> bool:
        """Whether there is a discriminator at all."""
        return self.adversarial_weight > 0 or self.feature_matching_weight > 0

    @model_validator(mode="after")
    def _something_is_minimised(self) -> Self:
        if not self.uses_discriminator and self.l1_weight == 0:
            raise ValueError(
                "every weight is 0, so there is nothing to minimise; set l1_weight or "
                "adversarial_weight"
            )
        return self
