"""Several draws of one answer: their mean, and how far they differ."""

from dataclasses import dataclass

import torch
from pydantic import Field

from diffragan.config.settings import Settings
from diffragan.typing import Float, Tensor

SAMPLES_STREAM = 3
"""Keeps these random numbers apart from those of training."""


class SampleSettings(Settings):
    """How many answers a phaser draws at random, and from which seed."""

    samples: int = Field(ge=2, le=10_000)
    """Draws for each item; one alone has no spread."""
    seed: int = Field(0, ge=0)
    """A draw comes from (seed, item, number of the draw) alone."""


@dataclass(slots=True)
class RunningSpread:
    """Mean and standard deviation of tensors that come one by one, real or complex.

    Source: Welford, Technometrics 4 (1962) 419, eqs. 3 and 4.
    """

    mean: Tensor | None = None
    squares: Tensor | None = None
    """Sum of the squared distances from the mean."""
    count: int = 0

    def add(self, draw: Tensor) -> None:
        """Count one draw."""
        self.count += 1
        if self.mean is None or self.squares is None:
            self.mean, self.squares = draw.clone(), torch.zeros_like(draw.abs())
            return
        before = draw - self.mean
        self.mean = self.mean + before / self.count
        self.squares = self.squares + (before.conj() * (draw - self.mean)).real

    def result(self) -> tuple[Tensor, Float[Tensor, "*shape"]]:
        """Return the mean and the standard deviation of two or more draws.

        The deviation of complex draws is that of their distance from the mean.
        """
        assert self.mean is not None
        assert self.squares is not None
        return self.mean, (self.squares / (self.count - 1)).sqrt()
