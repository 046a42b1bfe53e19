"""Frames that no merge could use: found by their values alone, before anything is merged."""

from collections.abc import Callable

import torch

from diffragan.errors import InputError
from diffragan.reconstruction.many_views.patterns import PatternSet
from diffragan.reconstruction.many_views.sorting import LeftOut
from diffragan.typing import Float, Tensor

FEWEST = 16
"""Patterns below which halves of them can be neither refined nor sorted."""
SATURATED_PIXELS = 5
"""Pixels at one highest value; Poisson counts so high seldom meet even twice."""
LEAST_SATURATED_COUNT = 250
"""The counter of 8 bits is the smallest; counts below it repeat by chance."""


def screened(
    patterns: PatternSet, watch: Callable[[int], None] | None = None
) -> tuple[PatternSet, tuple[LeftOut, ...]]:
    """Leave out empty and saturated frames, each with its reason.

    Parameters
    ----------
    watch : Told how many more patterns were read.

    Raises
    ------
    InputError : Counts are not counts, or too few patterns remain.
    """
    whole = patterns.counted and not patterns.experiment.detector.read_noise_electrons
    kept, out = [], []
    for batch in patterns.batches():
        if whole:
            _check_whole(batch.values, batch.numbers.tolist(), patterns.name)
        for number, values in zip(batch.numbers.tolist(), batch.values, strict=True):
            reason = _unusable(values, patterns.counted)
            if reason is None:
                kept.append(number)
            else:
                out.append(LeftOut(number, reason))
        if watch is not None:
            watch(len(batch.numbers))
    if len(kept) < FEWEST:
        why = f", {len(out)} more are unusable ({out[0].reason})" if out else ""
        raise InputError(
            f"{patterns.name}: has {len(kept)} patterns{why}; merging and its halves need {FEWEST} "
            "or more, and thousands where they are counted at a low dose"
        )
    return patterns.only(kept), tuple(out)


def _unusable(values: Float[Tensor, " pixel"], counted: bool) -> str | None:
    highest = values.max()
    if float(highest) <= 0:
        return "empty: nothing was measured"
    if counted and float(highest) < LEAST_SATURATED_COUNT:
        return None
    alike = int((values == highest).sum())
    if alike >= SATURATED_PIXELS:
        return f"saturated: {alike} pixels have the highest value, {float(highest):g}"
    return None


def _check_whole(values: Float[Tensor, "view pixel"], numbers: list[int], name: str) -> None:
    broken = (values != torch.round(values)).any(1)
    if bool(broken.any()):
        number = numbers[int(torch.nonzero(broken)[0])]
        raise InputError(
            f"{name}: pattern {number} has values that are no whole numbers, and its data set says "
            "they are counts; undo their scaling, or give the detector's read noise"
        )
