"""Settings of phasing many views together."""

from typing import Literal, Self

from pydantic import Field, model_validator

from diffragan.config.settings import Settings


class ExtensionSettings(Settings):
    """How phases are extended from a coarse map to the end of the data."""

    algorithm: Literal["er", "hio", "raar", "dm"] = "raar"
    beta: float = Field(0.9, gt=0, le=1)
    positive: bool = True
    start_angstrom: float = Field(5.0, gt=0)
    """Resolution of the coarse map [Å]."""
    stages: int = Field(5, ge=1)
    """Steps in which the data's limit is raised from the coarse map's to the end."""
    cycles: int = Field(3, ge=1)
    """Most cycles at the end of the data."""
    patience: int = Field(3, ge=1)
    """Cycles without a better prediction of the free reflections after which it is enough."""
    cycle: int = Field(15, ge=1)
    """Iterations in a cycle."""
    error_reduction_steps: int = Field(6, ge=0)
    """Steps of error reduction that end each cycle, since a map read amid HIO is unsettled."""
    histogram_share: float = Field(0.0, ge=0, le=1)
    """How far the steps that settle a map bring its densities to those of proteins. It helps where
    counts are few, and costs where they are many (`docs/many-views-methods.md`)."""
    likelihood_rounds: int = Field(120, ge=0)
    """Most rounds of refinement against the likelihood of the merged counts, after the last cycle.
    """
    first_margin_angstrom: float = Field(3.0, ge=0)
    last_margin_angstrom: float = Field(1.5, ge=0)
    """By how much the support is wider than the molecule, first and last [Å]; too wide by an
    ångström costs less than too narrow."""
    first_sigma_angstrom: float = Field(3.0, gt=0)
    last_sigma_angstrom: float = Field(1.5, gt=0)
    """Smoothing of the map from which the support is drawn [Å]."""
    starts: int = Field(1, ge=1)
    """Runs from slightly different starts, whose maps are averaged."""
    start_noise: float = Field(0.3, ge=0)
    """Noise added to every start but the first, relative to the coarse map's in each shell."""
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.error_reduction_steps > self.cycle:
            raise ValueError(
                f"error_reduction_steps is {self.error_reduction_steps}, more than the "
                f"{self.cycle} iterations of a cycle"
            )
        if self.last_margin_angstrom > self.first_margin_angstrom:
            raise ValueError("the support shrinks: last_margin_angstrom must not be the larger")
        return self
