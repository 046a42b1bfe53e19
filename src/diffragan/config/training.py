"""The settings of a training run of the paper's conditional GAN."""

from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings


class GeneratorSettings(Settings):
    """The U-Net: input side, channel width and depth."""

    pixels: int = Field(128, ge=32, le=1024, multiple_of=32)
    """Side of the images the network sees [pixels]."""
    width: int = Field(16, ge=4, le=128)
    """Channels of the first layer; they double per layer up to eight times."""
    depth: int = Field(6, ge=3, le=9)
    """Number of stride-2 layers on the way down."""

    @model_validator(mode="after")
    def _every_layer_halves(self) -> Self:
        if self.pixels % 2**self.depth:
            raise ValueError(
                f"pixels is {self.pixels} and depth {self.depth}; pixels must be a multiple of "
                f"{2**self.depth} (2 to the depth)"
            )
        return self


class TrainingSettings(Settings):
    """One training run."""

    kind: Literal["training"] = "training"
    preset: str = "paper-small"
    seed: int = Field(0, ge=0)
    """Seed of the first weights, of the split and of the order of the views."""
    generator: GeneratorSettings = GeneratorSettings()
    discriminator_width: int = Field(16, ge=4, le=128)
    steps: int = Field(2000, ge=1)
    """Optimiser steps in all; a resumed run may ask for more."""
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    """Of both networks."""
    beta1: float = Field(0.5, ge=0, lt=1)
    l1_weight: float = Field(100.0, ge=0)
    """Weight of the L1 loss against the adversarial one."""
    augment: bool = True
    """Turn and shift views about the beam at random, which few views need."""
    validation_fraction: float = Field(0.1, gt=0, lt=1)
    """Share of the views, or of the structures, kept out of training for the validation FRC."""
    validate_every: int = Field(100, ge=1)
    """Steps between validations, sample pictures and checkpoints."""
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """Arithmetic of the networks, in Lightning Fabric's words."""
    memory_limit_mb: int = Field(2000, ge=0)
    """Views are held in memory up to this size [MB]; beyond it they are read for every batch."""
