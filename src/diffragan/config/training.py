"""The settings of a training run of the paper's conditional GAN."""

from math import ceil
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from diffragan.config.networks import (
    DiscriminatorSettings,
    GeneratorSettings,
    ObjectiveSettings,
)
from diffragan.config.settings import Settings
from diffragan.config.stream import StreamSettings

Precision = Literal["auto", "32-true", "bf16-mixed"]
"""In Lightning Fabric's words; auto: bf16-mixed where the device computes in bfloat16."""


class TrainingSettings(Settings):
    """One training run."""

    rivals: ClassVar[tuple[str, ...]] = ("steps", "epochs")

    kind: Literal["training"] = "training"
    preset: str = "paper-small"
    seed: int = Field(0, ge=0)
    """Seed of the first weights, of the split, of the order of the views and of dropout."""
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    objective: ObjectiveSettings = ObjectiveSettings()
    steps: int | None = Field(2000, ge=1)
    """Optimiser steps in all; a resumed run may ask for more."""
    epochs: float | None = Field(None, gt=0, le=1e6)
    """Or how often every view is shown."""
    batch: int = Field(8, ge=1)
    """Views of a step, over all processes and parts: the effective batch."""
    accumulate: int = Field(1, ge=1)
    """Parts that each process computes its share of a batch in, one after the other, to need less
    memory; the step is that of the whole batch."""
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
    """Share of the views, or of the structures, kept out of training for the validation FRC; not
    used where a data set to validate on is given."""
    validation_views: int = Field(64, ge=1)
    """Views judged at each validation, spread over those there are, always the same; more than 64
    change a mean FRC by less than a hundredth."""
    validate_every: int | None = Field(100, ge=1)
    """Steps between validations, sample pictures and rows of the log; none: an epoch."""
    checkpoint_every: int | None = Field(None, ge=1)
    """Steps between checkpoints; none: at each validation."""
    precision: Precision = "32-true"
    """Arithmetic of the networks."""
    memory_limit_mb: int = Field(2000, ge=0)
    """Views that were read are kept in memory if all of them fit into this size [MB]; otherwise
    each is read from the data set whenever it is shown."""
    stream: StreamSettings = StreamSettings()
    """What differs from view to view where views are simulated while they are needed; its `batch`
    is not used, for the batch above is."""

    @model_validator(mode="before")
    @classmethod
    def _epochs_replace_the_usual_steps(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("epochs") is not None:
            return {"steps": None, **values}
        return values

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError(f"steps is {self.steps} and epochs is {self.epochs}; give one of them")
        if self.batch % self.accumulate:
            raise ValueError(
                f"batch is {self.batch} and accumulate {self.accumulate}; the batch must be a "
                "multiple of it"
            )
        return self

    def epoch_steps(self, views: int) -> int:
        """Return the steps in which each of `views` views is shown once."""
        return max(1, ceil(views / self.batch))

    def all_steps(self, views: int) -> int:
        """Return the steps of the whole run on `views` views."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None
        return max(1, ceil(self.epochs * views / self.batch))
