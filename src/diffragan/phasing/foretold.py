"""What a store foretells of its views, in one line of words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diffragan.io.phased import PhasedStore


def foretold(phased: PhasedStore) -> str:
    """Say which resolution half and nine tenths of the views should reach, and how many failed.

    Empty where the store predicts nothing.
    """
    if not phased.predicts:
        return ""
    resolutions = phased.read("predicted_resolution")
    return foretold_words(resolutions, phased.read("phasing_failed"))


def foretold_words(
    resolutions: NDArray[np.float64] | Sequence[float], failed: NDArray[np.bool_] | Sequence[bool]
) -> str:
    """Word predicted resolutions [Å] of some views, and how many of them failed."""
    found, count = np.sort(np.asarray(resolutions)), len(resolutions)
    failures = int(np.sum(failed))
    ends = f"{found[(count - 1) // 2]:.2f} Å"
    if count > 1:
        # The least good of nine tenths, itself one of the views: no number that none should reach.
        ends += f" or finer for half of {count} views, "
        ends += f"{found[int(np.ceil(0.9 * count)) - 1]:.2f} Å or finer for nine tenths"
    if not failures:
        return f"expected at FRC 0.5: {ends}; none failed"
    share = "" if count == 1 else f" ({100 * failures / count:.0f} %)"
    verb = "is" if failures == 1 else "are"
    return (
        f"expected at FRC 0.5: {ends}; {failures}{share} failed, and {verb} no more than the "
        "network's first guess"
    )
