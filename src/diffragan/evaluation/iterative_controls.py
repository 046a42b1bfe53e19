"""HIO and RAAR with the same image, on some views: what iterations reach without any training."""

from collections.abc import Sequence

from diffragan.evaluation.reruns import RerunPlace, judge_phaser
from diffragan.evaluation.scores import ViewScores
from diffragan.phasing.registry import make_phaser

ITERATIVE = ("hio", "raar")
"""Phasers that are run as controls with their own settings, where no result of theirs is judged."""


def iterative_controls(place: RerunPlace, judged: Sequence[str]) -> dict[str, ViewScores]:
    """Run each iterative method on the control views, except those that are judged anyway.

    Parameters
    ----------
    judged : Methods of the results that are judged.
    """
    return {
        name: judge_phaser(place, make_phaser(name), None, f"{name} as a control")
        for name in ITERATIVE
        if name not in judged and place.items
    }
