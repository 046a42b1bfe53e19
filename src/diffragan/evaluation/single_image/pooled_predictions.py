"""Predicted against true resolution over the views of many evaluations at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.predicted_figure import draw_predicted
from diffragan.evaluation.predictions import STATED_SHARE, log_correlation, predicts
from diffragan.evaluation.single_image.evaluations import MAIN, Evaluation

PER_VIEW = (
    "predicted_resolution_per_view_angstrom",
    "predicted_resolution_interval_per_view_angstrom",
    "resolution_in_bands_per_view_angstrom",
)


@dataclass(frozen=True, slots=True)
class Predicted:
    """How the predictions of some views came out."""

    words: str
    views: int
    correlation: float | None
    inside: float
    """Share of the views inside the stated interval."""
    failed: int
    """Views that were called failed."""
    failed_truly_angstrom: float | None
    """Median of what these reach."""


def predicting(evaluations: Mapping[str, Evaluation]) -> dict[str, Mapping[str, Any]]:
    """Return the page's method of each evaluation in which it predicted."""
    found = {name: e.scores(MAIN) for name, e in evaluations.items()}
    return {name: scores for name, scores in found.items() if scores and predicts(scores)}


def pooled(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put the views of several evaluations behind each other, numbered anew."""
    whole: dict[str, Any] = {key: [] for key in (*PER_VIEW, "items", "failed_views")}
    for method in methods.values():
        before = len(whole["items"])
        for key in PER_VIEW:
            whole[key] += method[key]
        place = {item: before + row for row, item in enumerate(method["items"])}
        whole["items"] += place.values()
        whole["failed_views"] += [place[item] for item in method["failed_views"]]
    return whole


def judged_predictions(methods: Mapping[str, Mapping[str, Any]]) -> list[Predicted]:
    """Judge the predictions of each evaluation, and of all views together (last).

    Before that, of all views with every evaluation as heavy as any other: most views may be of one
    condition, in which there is little to foretell.
    """
    rows = [_judged(words, method) for words, method in methods.items()]
    whole = pooled(methods)
    if len(methods) > 1:
        counts = [len(method["items"]) for method in methods.values()]
        alike = np.repeat(1 / np.asarray(counts, dtype=float), counts)
        rows.append(_judged("all views, each evaluation as heavy", whole, alike))
    return [*rows, _judged("all views", whole)]


def _judged(
    words: str, method: Mapping[str, Any], weights: NDArray[np.float64] | None = None
) -> Predicted:
    predicted, ends, true = (np.asarray(method[key], dtype=float) for key in PER_VIEW)
    failed = np.isin(method["items"], method["failed_views"])
    inside = (true >= ends[:, 0]) & (true <= ends[:, 1])
    return Predicted(
        words,
        len(true),
        log_correlation(predicted, true, weights),
        float(np.average(inside, weights=weights)),
        int(failed.sum()),
        float(np.median(true[failed])) if failed.any() else None,
    )


def predictions_figure(methods: Mapping[str, Mapping[str, Any]]) -> Captioned:
    """Draw the views of all evaluations, each evaluation in its own colour and marker."""
    whole = judged_predictions(methods)[-1]
    owners = _owners((name, len(method["items"])) for name, method in methods.items())
    caption = (
        f"Resolution that {MAIN} predicted of each view without the truth against the true one, "
        f"{whole.views} views of {len(methods)} evaluation{'' if len(methods) == 1 else 's'}. "
        f"Grey: the interval that was stated to hold {100 * STATED_SHARE:.0f} % of the views; "
        "line: equality; open: views that were called failed."
    )
    together = "" if whole.correlation is None else f"correlation {whole.correlation:.2f}, "
    alt = f"True over predicted resolution: {together}{100 * whole.inside:.0f} % inside."
    return Captioned(draw_predicted(pooled(methods), owners), caption, alt)


def _owners(counts: Iterable[tuple[str, int]]) -> list[str]:
    return [name for name, count in counts for _ in range(count)]
