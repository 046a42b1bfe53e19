"""The settings of a training of the unrolled network: what it is shown, what it minimises."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from diffragan.config.settings import Settings
from diffragan.config.stream import ordered
from diffragan.config.training import Precision
from diffragan.config.unrolled import UnrolledSettings

Positive = Annotated[float, Field(gt=0, le=1e9)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]
Range = Annotated[tuple[Positive, Positive], AfterValidator(ordered)]
FromZero = Annotated[tuple[NotNegative, NotNegative], AfterValidator(ordered)]


class ConditionSettings(Settings):
    """Under which conditions molecules are observed, drawn anew for every batch or view.

    These ranges are what a trained network is trusted with; beyond them `phase` warns or refuses.
    """

    box_angstrom: Range = (60.0, 200.0)
    """Sides of the boxes, whose inverses are the patterns' sampling [Å]."""
    box_per_molecule: Range = (1.05, 2.0)
    """Side of the box over the molecule's largest dimension, uniform, within the sides above."""
    low_resolution_snr: Range = (0.1, 3.0)
    """Signal over noise power of the image from 8 to 5 Å, log-uniform, of each view."""
    low_resolution_defocus_angstrom: Range = (500.0, 3000.0)
    """Log-uniform; positive is underfocus [Å]."""
    low_resolution_aperture_mrad: Range = (4.0, 6.0)
    """Uniform [mrad]."""
    noise_free_share: float = Field(0.5, ge=0, le=1)
    """Share of the batches whose patterns are free of noise, as the paper's are."""
    exposure_e_per_a2: Range = (10.0, 1e6)
    """Exposure of the other patterns, log-uniform [e/Å2]."""
    beam_stop_angstrom: Range = (25.0, 70.0)
    """Resolution at which a mask of the direct beam ends that is wider than one pixel [Å]."""
    beam_stop_share: float = Field(0.3, ge=0, le=1)
    """Share of the batches with such a mask."""
    gap_share: float = Field(0.1, ge=0, le=1)
    """Share of the batches in which a cross of a detector's gaps is not measured."""
    finest_angstrom: Range = (2.2, 3.6)
    """Where the pattern ends, if it ends before the network's pixels do [Å]."""
    truncated_share: float = Field(0.15, ge=0, le=1)
    """Share of the batches whose pattern ends so early."""
    shift_angstrom: float = Field(8.0, ge=0)
    """How far a molecule lies from the middle at most, along y and x [Å]."""
    b_factor_a2: FromZero = (0.0, 30.0)
    """Isotropic B-factor of all atoms, uniform [Å2]."""


class UnrolledObjective(Settings):
    """What the network minimises."""

    stage_weight: float = Field(0.5, gt=0, le=1)
    """Weight of a stage over that of the next."""
    ring_weight: float = Field(1.0, ge=0)
    """Weight of 1 - FRC, each ring alike, so that high resolution counts."""
    difference_weight: float = Field(0.3, ge=0)
    """Weight of the mean absolute difference from the true wave over its mean modulus."""
    envelope_weight: float = Field(0.3, ge=0)
    """Weight of the cross-entropy of the envelope."""
    counts_weight: float = Field(0.01, ge=0)
    """Weight of the Poisson deviance of a counted pattern, per measured pixel."""

    @model_validator(mode="after")
    def _something_is_minimised(self) -> Self:
        if self.ring_weight == self.difference_weight == self.envelope_weight == 0:
            raise ValueError(
                "ring_weight, difference_weight and envelope_weight are 0, so there is nothing to "
                "learn; raise one"
            )
        return self


class UnrolledTraining(Settings):
    """One training run of the unrolled network."""

    kind: Literal["unrolled-training"] = "unrolled-training"
    preset: str = "unrolled"
    seed: int = Field(0, ge=0)
    """Seed of the first weights, of the order of the views and of all conditions."""
    network: UnrolledSettings = UnrolledSettings()
    conditions: ConditionSettings = ConditionSettings()
    objective: UnrolledObjective = UnrolledObjective()
    steps: int = Field(20_000, ge=1)
    """Optimiser steps in all, over which the learning rate falls along a cosine."""
    batch: int = Field(8, ge=1, le=4096)
    """Views of a step, of molecules of like size under like conditions."""
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(200, ge=0)
    """Steps over which the learning rate rises to that."""
    weight_decay: float = Field(1e-4, ge=0)
    gradient_limit: float = Field(1.0, gt=0)
    """Largest norm of a gradient; longer ones are shortened to it."""
    average_decay: float = Field(0.998, ge=0, lt=1)
    """Share that the running average of the weights, which is validated and used, keeps at each
    step."""
    validation_views: int = Field(72, ge=1)
    """Views judged at each validation, spread over those there are, always the same."""
    validate_every: int = Field(500, ge=1)
    """Steps between validations and rows of the log."""
    checkpoint_every: int = Field(250, ge=1)
    """Steps between checkpoints."""
    precision: Precision = "auto"
    """Arithmetic of the U-Nets; projections are always in full."""
