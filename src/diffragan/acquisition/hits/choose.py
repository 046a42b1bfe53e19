"""Choose which frames count as hits, by the precision that is expected of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.acquisition.hits.classes import CLASSES, DAMAGED, PROTEIN, SATURATED
from diffragan.errors import InputError

SURELY_DAMAGED = 0.95
"""Share of damaged in the probability of one molecule from which that is no hit."""
FEWEST_EXPECTED = 0.5
"""Expected number of hits below which a scan holds no protein."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The frames that are kept, and what is expected of them."""

    chosen: NDArray[np.bool_]
    """`(frame)`."""
    threshold: float
    """Least probability of those that are kept; 1 where none is."""
    expected_precision: float
    """Share of true hits among those that are kept; 1 where none is."""
    expected_recall: float
    """Share of all hits that is kept; 0 where there are none."""
    reason: str
    """Why there are no hits; empty where there are some."""


def hit_probability(probability: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Probability that a frame shows one molecule, `(frame)`, from that of its classes.

    A molecule that was damaged beforehand scatters less at wide angles, where at 100 e/Å2 nothing
    can be told; so one that may be damaged counts as a molecule, and only one that surely is does
    not.
    """
    whole, damaged = probability[:, PROTEIN], probability[:, DAMAGED]
    one = np.minimum(whole + damaged, 1.0)
    return np.where(damaged < SURELY_DAMAGED * one, one, 0.0)


def choose_hits(probability: NDArray[np.floating[Any]], precision: float) -> Hits:
    """Keep the most frames whose mean probability of being a hit is at least `precision`.

    Parameters
    ----------
    probability : `(frame)` of showing one molecule, calibrated; or `(frame, class)` of `CLASSES`,
        see `hit_probability`.
    precision : Share of true hits that is asked for.

    Raises
    ------
    InputError : A probability is not between 0 and 1.
    """
    if not ((probability >= 0) & (probability <= 1)).all():
        raise InputError("probabilities must lie between 0 and 1")
    saturated = False
    if probability.ndim == 2:
        if probability.shape[1] != len(CLASSES):
            raise InputError(
                f"the probabilities have {probability.shape[1]} classes; there are {len(CLASSES)}"
            )
        saturated = len(probability) > 0 and bool((probability.argmax(1) == SATURATED).all())
        probability = hit_probability(probability)
    order = np.argsort(-probability, kind="stable")
    means = np.cumsum(probability[order]) / np.arange(1, len(order) + 1)
    # The mean falls as frames are added, so the last one above the target ends the set.
    count = int((means >= precision).sum())
    expected = float(probability.sum())
    if count == 0:
        return Hits(np.zeros(len(order), bool), 1.0, 1.0, 0.0, _why_none(expected, saturated))
    chosen = np.zeros(len(order), dtype=bool)
    chosen[order[:count]] = True
    kept = float(probability[chosen].sum())
    return Hits(chosen, float(probability[order[count - 1]]), kept / count, kept / expected, "")


def _why_none(expected: float, saturated: bool) -> str:
    if saturated:
        return "all frames are saturated"
    if expected < FEWEST_EXPECTED:
        return "no frame shows a protein"
    return (
        f"about {expected:.0f} frames may show a protein, but too few of them surely enough; "
        "lower hits.precision to see them"
    )
