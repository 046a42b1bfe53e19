"""Methods run again with one input replaced: what is left of their score without the right one.

A method can score well and never look at the diffraction, or at the image. So it is run on the same
views with the pattern of something else, with no pattern, and with the image of something else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from diffragan.errors import DiffraganError
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.scores import ViewScores, read_truth
from diffragan.evaluation.wrong_diffraction import phaser_of, wrong_items
from diffragan.io.phased import PhasedStore
from diffragan.io.triplets import TripletStore
from diffragan.phasing.protocol import Observations, Phaser, read_observations
from diffragan.progress import progress_bar
from diffragan.typing import Float, Tensor

BATCH = 8

WRONG_DIFFRACTION = "wrong_diffraction"
NO_DIFFRACTION = "no_diffraction"
MEAN_DIFFRACTION = "mean_diffraction"
WRONG_IMAGE = "wrong_image"
CONTROLS_OF_METHODS = (WRONG_DIFFRACTION, NO_DIFFRACTION, MEAN_DIFFRACTION, WRONG_IMAGE)

Alter = Callable[[Observations, Sequence[int]], Observations]
"""Replaces an input of the views of some items."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """One control of a method: its scores, or why it was not run."""

    scores: ViewScores | None
    described: Mapping[str, Any]
    """What was put in the place of the right input, or `not_run` with the reason."""

    def summary(self) -> dict[str, Any]:
        """Return the control in the words of `metrics.json`."""
        return {**(self.scores.summary() if self.scores else {}), **self.described}


@dataclass(frozen=True, slots=True)
class RerunPlace:
    """What every rerun needs."""

    data: TripletStore
    items: Sequence[int]
    """Control views."""
    limit: MeasuredLimit
    mean_pattern: Float[Tensor, "q_y q_x"] | None = None
    """Mean pattern of the training data, where those were given."""
    device: str = "cpu"


def rerun_controls(place: RerunPlace, phased: PhasedStore) -> dict[str, Rerun]:
    """Run the method of a store again with each input replaced.

    A method that cannot be made again, or that refuses an input, gets the reason instead.
    """
    if not place.items:
        return _all_not_run("no control views were asked for")
    try:
        phaser = phaser_of(phased, place.device)
    except DiffraganError as error:
        return _all_not_run(str(error))
    found: dict[str, Rerun] = {}
    for name, (alter, described) in _alterations(place).items():
        if alter is None:
            found[name] = Rerun(None, described)
            continue
        try:
            scores = judge_phaser(place, phaser, alter, f"{phased.method}: {_words(name)}")
        except DiffraganError as error:
            found[name] = Rerun(None, {"not_run": str(error)})
        else:
            found[name] = Rerun(scores, described)
    return found


def judge_phaser(
    place: RerunPlace, phaser: Phaser, alter: Alter | None, description: str
) -> ViewScores:
    """Phase the control views, with an input replaced if wanted, and judge the result.

    Raises
    ------
    InputError : What was recovered is not finite.
    """
    scores = ViewScores(place.limit)
    with progress_bar(len(place.items), description) as bar:
        for start in range(0, len(place.items), BATCH):
            batch = place.items[start : start + BATCH]
            given = read_observations(place.data, batch, place.device)
            found = phaser.phase(given if alter is None else alter(given, batch))
            truth = read_truth(place.data, batch, place.device)
            scores.add(batch, found.waves, found.images, truth)
            bar.advance(len(batch))
    return scores


def _alterations(place: RerunPlace) -> dict[str, tuple[Alter | None, dict[str, Any]]]:
    """List the inputs to replace, each with what replaces it."""
    chosen = wrong_items(place.data, place.items)
    found: dict[str, tuple[Alter | None, dict[str, Any]]] = {}
    if chosen is None:
        nothing = {"not_run": "the data set has no second pattern"}
        found |= {WRONG_DIFFRACTION: (None, nothing), WRONG_IMAGE: (None, nothing)}
    else:
        others, kind = chosen
        other_of = dict(zip(place.items, others, strict=True))
        found[WRONG_DIFFRACTION] = (
            lambda given, items: _with_pattern_of(place, given, [other_of[i] for i in items]),
            {"pattern_of": kind, "pattern_items": list(others)},
        )
        found[WRONG_IMAGE] = (
            lambda given, items: _with_image_of(place, given, [other_of[i] for i in items]),
            {"image_of": kind, "image_items": list(others)},
        )
    found[NO_DIFFRACTION] = (
        lambda given, _items: given.with_diffraction(torch.zeros_like(given.diffraction)),
        {"pattern_of": "nothing: zero everywhere"},
    )
    mean = place.mean_pattern
    if mean is None:
        found[MEAN_DIFFRACTION] = (None, {"not_run": "no training data were given"})
    else:
        found[MEAN_DIFFRACTION] = (
            lambda given, _items: given.with_diffraction(mean.expand_as(given.diffraction)),
            {"pattern_of": "the mean of the training data"},
        )
    return {name: found[name] for name in CONTROLS_OF_METHODS}


def _with_pattern_of(place: RerunPlace, given: Observations, others: Sequence[int]) -> Observations:
    return given.with_diffraction(read_observations(place.data, others, place.device).diffraction)


def _with_image_of(place: RerunPlace, given: Observations, others: Sequence[int]) -> Observations:
    other = read_observations(place.data, others, place.device)
    return replace(
        given, low_resolution=other.low_resolution, low_resolution_dose=other.low_resolution_dose
    )


def _all_not_run(reason: str) -> dict[str, Rerun]:
    return {name: Rerun(None, {"not_run": reason}) for name in CONTROLS_OF_METHODS}


def _words(name: str) -> str:
    return name.replace("_", " ")
