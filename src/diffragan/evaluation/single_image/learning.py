"""How the validation FRC of a training grows with the views seen, and where that would lead."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffragan.errors import InputError
from diffragan.io.training_log import read_log

FIRST_SHARE = 0.1
"""Of the views, before which the curve is not fitted: what comes first is learned otherwise."""
FEWEST_POINTS = 4
MORE = 10
"""How many times more views the curve is continued to."""
EVERY_STEP = 2**62

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """y = factor * x**-exponent."""

    factor: float
    exponent: float
    scatter: float
    """Standard deviation of the logarithms about the line."""

    def __call__(self, x: float | Numbers) -> Numbers:
        """Return its value."""
        return np.asarray(self.factor * np.asarray(x, dtype=float) ** -self.exponent)


@dataclass(frozen=True, slots=True)
class Learning:
    """A training's validations, and the power laws through them."""

    views: Numbers
    frc: Numbers
    resolution_angstrom: Numbers
    envelope: Numbers
    """Overlap of the predicted envelope with the true one."""
    law: PowerLaw | None
    """Of 1 - FRC; `None` with too few validations."""
    resolution_law: PowerLaw | None
    foretold: float | None
    """FRC of the last validation as the law through the first half of the views has it."""

    @property
    def last_views(self) -> float:
        """Views seen at the last validation."""
        return float(self.views[-1])

    def frc_after(self, views: float) -> float:
        """Continue the law of FRC: an extrapolation."""
        assert self.law is not None
        return float(1 - self.law(views))


def read_learning(path: Path) -> Learning:
    """Read the table of a training of the unrolled network, and fit its laws.

    Raises
    ------
    InputError : It is not such a table, or has no validations.
    """
    rows = [row for row in read_log(path, EVERY_STEP) if row.get("validation_frc")]
    columns = (
        "views", "validation_frc", "validation_resolution_angstrom", "validation_envelope_overlap"
    )  # fmt: skip
    if not rows or any(name not in rows[0] for name in columns):
        raise InputError(
            f"{path}: holds no validations of an unrolled network; name the training.csv of "
            "`diffragan train --preset unrolled`"
        )
    views, frc, angstrom, envelope = (np.array([float(r[c]) for r in rows]) for c in columns)
    law = fitted(views, 1 - frc)
    half = views <= views[-1] / 2
    early = fitted(views[half], 1 - frc[half])
    return Learning(
        views,
        frc,
        angstrom,
        envelope,
        law,
        fitted(views, angstrom),
        None if early is None else float(1 - early(views[-1])),
    )


def fitted(views: Numbers, values: Numbers) -> PowerLaw | None:
    """Fit a power law by least squares of the logarithms; `None` with too few points.

    Parameters
    ----------
    views : Seen at each validation, growing; the first tenth of the last is left out.
    values : Above 0, such as 1 - FRC.
    """
    if not len(views):
        return None
    late = views >= FIRST_SHARE * views[-1]
    if late.sum() < FEWEST_POINTS:
        return None
    x, y = np.log(views[late]), np.log(values[late])
    slope, offset = np.polyfit(x, y, 1)
    scatter = float(np.std(y - (offset + slope * x)))
    return PowerLaw(float(np.exp(offset)), float(-slope), scatter)


def evenly(count: int, most: int) -> list[int]:
    """Choose at most so many of the first `count` numbers, evenly, first and last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(most, count))})
