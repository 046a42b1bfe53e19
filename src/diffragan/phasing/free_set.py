"""Reflections that are kept out of phasing, so that a result can be judged by what it never saw."""

from dataclasses import dataclass

import numpy as np
import torch

from diffragan.errors import ConfigError
from diffragan.typing import Mask

LARGEST_FRACTION = 0.5


@dataclass(frozen=True, slots=True)
class FreeSet:
    """Which share of the measured pixels of a pattern is kept out; the same mask for all items."""

    fraction: float
    seed: int = 0

    def mask(self, measured: Mask) -> Mask:
        """Draw the free pixels `(q_y, q_x)` of a centred pattern, always the same for one seed.

        A pixel and the one opposite are free together: their moduli are all but the same (Friedel's
        law holds to within the thickness of the molecule), and one would tell of the other.

        Raises
        ------
        ConfigError : The fraction is not above 0 and at most one half.

        Source: Brünger, Nature 355 (1992) 472.
        """
        if not 0 < self.fraction <= LARGEST_FRACTION:
            raise ConfigError(
                f"the free fraction is {self.fraction:g}; use more than 0 and at most "
                f"{LARGEST_FRACTION:g}, usually 0.05"
            )
        pairs = np.random.default_rng(self.seed).random(tuple(measured.shape))
        # Of two opposite draws the lesser counts for both; this keeps their share what was asked.
        lesser = np.minimum(pairs, pairs[::-1, ::-1])
        chosen = torch.from_numpy(1 - (1 - lesser) ** 2 < self.fraction)
        return chosen.to(measured.device) & measured
