"""Reflections that are kept out of phasing, so that a result can be judged by what it never saw."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from diffragan.errors import ConfigError
from diffragan.phasing.protocol import Observations, PhasedWaves, Phaser, PredictingPhaser
from diffragan.typing import Mask

LARGEST_FRACTION = 0.5


@dataclass(frozen=True, slots=True)
class FreeSet:
    """Which share of the measured pixels of a pattern is kept out; the same mask for all items.

    All methods should keep out the same pixels, so there is one seed unless somebody asks.
    """

    fraction: float
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse a share of nothing, or of too much.

        Raises
        ------
        ConfigError : The fraction is not above 0 and at most one half.
        """
        if not 0 < self.fraction <= LARGEST_FRACTION:
            raise ConfigError(
                f"the free fraction is {self.fraction:g}; use more than 0 and at most "
                f"{LARGEST_FRACTION:g}, usually 0.05"
            )

    def mask(self, measured: Mask) -> Mask:
        """Draw the free pixels `(q_y, q_x)` of a centred pattern, always the same for one seed.

        A pixel and the one opposite are free together: their moduli are all but the same (Friedel's
        law holds to within the thickness of the molecule), and one would tell of the other.

        Source: Brünger, Nature 355 (1992) 472.
        """
        pairs = np.random.default_rng(self.seed).random(tuple(measured.shape))
        # Of two opposite draws the lesser counts for both; this keeps their share what was asked.
        lesser = np.minimum(pairs, pairs[::-1, ::-1])
        chosen = torch.from_numpy(1 - (1 - lesser) ** 2 < self.fraction)
        return chosen.to(measured.device) & measured

    def withhold(self, observations: Observations) -> Observations:
        """Return the observations as if the free pixels had not been measured."""
        free = self.mask(observations.measured)
        return replace(
            observations,
            diffraction=torch.where(free, 0.0, observations.diffraction),
            measured=observations.measured & ~free,
        )

    @property
    def recorded(self) -> dict[str, Any]:
        """What a store's provenance says of it, for `recorded_free_set`."""
        return {"free_fraction": self.fraction, "free_seed": self.seed}


def recorded_free_set(settings: Mapping[str, Any]) -> FreeSet | None:
    """Read the free set from the recorded settings of a store; `None` where none was kept out."""
    fraction = settings.get("free_fraction")
    return None if fraction is None else FreeSet(fraction, settings.get("free_seed", 0))


@dataclass(frozen=True, slots=True)
class WithholdingPhaser:
    """Any phaser, which is not shown the free pixels."""

    phaser: Phaser
    free: FreeSet

    def phase(self, observations: Observations) -> PhasedWaves:
        """Recover the waves from what is left."""
        return self.phaser.phase(self.free.withhold(observations))

    def predicted_frequencies(self, observations: Observations) -> tuple[float, ...]:
        """Frequencies of the curves that the phaser predicts [1/Å]; none where it does not."""
        if not isinstance(self.phaser, PredictingPhaser):
            return ()
        return self.phaser.predicted_frequencies(self.free.withhold(observations))
