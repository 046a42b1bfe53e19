"""The settings of a training run of the paper's conditional GAN."""

from typing import Literal

from pydantic import Field

from diffragan.config.networks import (
    DiscriminatorSettings,
    GeneratorSettings,
    ObjectiveSettings,
)
from diffragan.config.settings import Settings


class TrainingSettings(Settings):
    """One training run."""

    kind: Literal["training"] = "training"
    preset: str = "paper-small"
    seed: int = Field(0, ge=0)
    """Seed of the first weights, of the split, of the order of the views and of dropout."""
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    steps: int = Field(2000, ge=1)
    """Optimiser steps in all; a resumed run may ask for more."""
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(2e-4, gt=0)
    """Of both networks."""
    beta1: float = Field(0.5, ge=0, lt=1)
    average_decay: float = Field(0.98, ge=0, lt=1)
    """Share that the running average of the generator's weights keeps at each step; at 0.98 it
    remembers about 50 steps."""
    used_weights: Literal["average", "generator"] = "average"
    """Weights that are validated and used for phasing: the running average, or the last step's."""
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

    @property
    def discriminator_width(self) -> int:
        """Channels of the discriminator's first layer."""
        return self.discriminator.width or self.generator.width
