"""Predicted resolutions held against the true ones, view by view.

A method that predicts says before any comparison which resolution each view should have, and
between which two it should lie. The true one is read in the same bands and by the same rule
(`phasing.achieved`), which smooths a little: it may differ by a few hundredths of an Ångström from
that of the view's own curve over rings.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffragan.evaluation.scores import ViewScores
from diffragan.io.phased import PhasedStore

FEWEST_VIEWS = 3
"""Of which a correlation is told."""
STATED_SHARE = 0.9
"""Of the views, that the intervals were calibrated to hold."""


def predictions_judged(store: PhasedStore, scores: ViewScores) -> dict[str, Any]:
    """Return what a method predicted of its views and how it came out, for `metrics.json`.

    Nothing where it predicted nothing.
    """
    if not store.predicts:
        return {}
    row_of = {int(item): row for row, item in enumerate(store.read("source_item"))}
    rows = [row_of[item] for item in scores.items]
    predicted = store.read("predicted_resolution", rows)
    interval = store.read("predicted_resolution_interval", rows)
    failed = store.read("phasing_failed", rows)
    true = scores.all().in_bands.numpy()
    inside = (true >= interval[:, 0]) & (true <= interval[:, 1])
    return {
        "predicted_resolution_per_view_angstrom": predicted.tolist(),
        "predicted_resolution_interval_per_view_angstrom": interval.tolist(),
        "predicted_score_per_view": store.read("predicted_score", rows).tolist(),
        "resolution_in_bands_per_view_angstrom": true.tolist(),
        "predicted_resolution_correlation": log_correlation(predicted, true),
        "predicted_resolution_inside_interval": float(inside.mean()),
        "failed_views": [item for item, f in zip(scores.items, failed, strict=True) if f],
    }


def log_correlation(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float | None:
    """Pearson's correlation of the logarithms of resolutions: 1 to 2 Å counts as 2 to 4 Å.

    All views weigh alike without `weights`. `None` below three views, or where all are alike.
    """
    if len(first) < FEWEST_VIEWS:
        return None
    x, y = np.log(first), np.log(second)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    spread = np.cov(x, y, aweights=weights)
    return float(spread[0, 1] / np.sqrt(spread[0, 0] * spread[1, 1]))


def predicts(method: Mapping[str, Any]) -> bool:
    """Whether a method in `metrics.json` predicted its resolutions."""
    return "predicted_resolution_per_view_angstrom" in method


def prediction_words(name: str, method: Mapping[str, Any]) -> str:
    """Say in one or two sentences how far the predictions of a method can be trusted."""
    views, correlation = method["views"], method["predicted_resolution_correlation"]
    inside = 100 * method["predicted_resolution_inside_interval"]
    together = (
        "They are too few or too alike for a correlation with the true one"
        if correlation is None
        else f"Predicted and true resolution correlate by {correlation:.2f} (of logarithms)"
    )
    words = (
        f"{name} predicted the resolution of {views} view{'' if views == 1 else 's'} without the "
        f"truth. {together}, and {inside:.0f} % of the views lie inside the interval that was "
        f"stated to hold {100 * STATED_SHARE:.0f} %."
    )
    failed = method["failed_views"]
    if not failed:
        return f"{words} It called none of them failed."
    row_of = {item: row for row, item in enumerate(method["items"])}
    true = [method["resolution_in_bands_per_view_angstrom"][row_of[item]] for item in failed]
    return (
        f"{words} It called {len(failed)} failed; truly they reach {np.median(true):.2f} Å in the "
        "median."
    )


def expected_of_view(method: Mapping[str, Any], item: int) -> str:
    """Word what a method that predicts said of the view of one item."""
    row = method["items"].index(item)
    fine, coarse = method["predicted_resolution_interval_per_view_angstrom"][row]
    predicted = method["predicted_resolution_per_view_angstrom"][row]
    failed = "failed; " if item in method["failed_views"] else ""
    return f"{failed}expected {predicted:.2f} Å, {fine:.2f} to {coarse:.2f}"
