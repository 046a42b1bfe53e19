"""Shell correlations of a map as far as its data reach, and what is read off them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from diffragan.rings import resolution_at

FIRST_SHELL = 2
"""Shells before hold a few samples each and tell nothing."""
ABOVE_ROUNDING = 1e-9

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ShellCurve:
    """A correlation over shells 0, 1, 2, ... that ends where the data do."""

    frequency_per_angstrom: Numbers
    values: Numbers

    def resolution(self, threshold: float) -> float | None:
        """Where it falls below a threshold [Å]; `None` if it never does."""
        return resolution_at(
            torch.from_numpy(self.values), torch.from_numpy(self.frequency_per_angstrom), threshold
        )

    def at(self, angstrom: float) -> float | None:
        """Value of the shell nearest to a resolution [Å]; `None` beyond the end of the data."""
        wanted = 1 / angstrom
        step = self.frequency_per_angstrom[1]
        if wanted > self.frequency_per_angstrom[-1] + step / 2:
            return None
        return float(self.values[np.abs(self.frequency_per_angstrom - wanted).argmin()])

    def lowest(self, finest_angstrom: float | None = None) -> float:
        """Lowest value of any shell, to a resolution or to the end of the data."""
        end = np.inf if finest_angstrom is None else 1 / finest_angstrom + ABOVE_ROUNDING
        shown = self.frequency_per_angstrom <= end
        return float(self.values[shown][FIRST_SHELL:].min())


def shell_curve(
    frequency: Sequence[float], values: Sequence[float], limit_per_angstrom: float
) -> ShellCurve:
    """Cut a curve off where the data end."""
    frequency_per_angstrom = np.asarray(frequency, dtype=np.float64)
    inside = frequency_per_angstrom <= limit_per_angstrom + ABOVE_ROUNDING
    return ShellCurve(frequency_per_angstrom[inside], np.asarray(values, dtype=np.float64)[inside])
