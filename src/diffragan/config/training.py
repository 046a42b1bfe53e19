"""The settings of a training run of the paper's conditional GAN."""

from typing import Literal

from pydantic import Field

from diffragan.config.settings import Settings


class GeneratorSettings(Settings):
    """The U-Net: input side and channel width."""

    pixels: int = Field(128, ge=32, le=1024, multiple_of=32)
    """Side of the images the network sees [pixels]."""
    width: int = Field(16, ge=4, le=128)
    """Channels of the first layer; they double per layer up to eight times."""
    depth: int = Field(5, ge=3, le=9)
    """Number of stride-2 layers on the way down."""


class TrainingSettings(Settings):
    """One training run."""

    kind: Literal["training"] = "training"
    preset: str = "paper-small"
    generator: GeneratorSettings = GeneratorSettings()
    discriminator_width: int = Field(16, ge=4, le=128)
    steps: int = Field(2000, ge=1)
    """Optimiser steps."""
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    beta1: float = Field(0.5, ge=0, lt=1)
    l1_weight: float = Field(100.0, ge=0)
    """Weight of the L1 loss against the adversarial one."""
    validation_fraction: float = Field(0.1, gt=0, lt=1)
    """Share of the views kept out of training, for the validation FRC."""
    validate_every: int = Field(100, ge=1)
    """Steps between validations, sample pictures and checkpoints."""
