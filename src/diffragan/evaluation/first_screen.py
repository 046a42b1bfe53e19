"""What a reader sees first: resolution and verdict of every method, beside what was measured."""

from collections.abc import Mapping
from math import log
from typing import Any

from diffragan.evaluation.controls import IMAGE_ALONE
from diffragan.evaluation.page_curves import appearance
from diffragan.evaluation.verdict import NOT_BETTER, NOT_TESTED, USES
from diffragan.evaluation.wording import CONTROL_LABELS, resolution_of
from diffragan.rings import COARSEST_ANGSTROM

OVER_VIEWS = "resolution_interval_angstrom"
OVER_PROTEINS = "resolution_interval_over_proteins_angstrom"
TONES = {USES: "good", NOT_BETTER: "even", NOT_TESTED: "even"}
"""Every other verdict names a fault."""
TICKS_ANGSTROM = (20, 10, 5, 3, 2, 1.5, 1, 0.7, 0.5)
LEAST_TICK_DISTANCE = 9.0
"""Percent of the scale."""


def resolution_scale(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Place the measured limit and ticks on a logarithmic scale from 20 Å on [percent]."""
    limit = metrics["measured_limit_angstrom"]
    finest = min(limit["corner"], limit["judged"])
    ticks: list[dict[str, Any]] = []
    for tick in TICKS_ANGSTROM:
        where = _place(tick, finest)
        far = not ticks or where - ticks[-1]["at"] >= LEAST_TICK_DISTANCE
        if tick >= finest and far:
            ticks.append({"at": where, "text": f"{tick:g}"})
    return {"limit": _place(limit["axis"], finest), "ticks": ticks}


def verdict_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the first screen: each method, then what the image alone gives."""
    limit = metrics["measured_limit_angstrom"]
    finest = min(limit["corner"], limit["judged"])
    looks, key = appearance(list(metrics["methods"])), interval_key(metrics)
    rows = [
        {
            "name": name,
            **looks[name],
            "resolution": resolution_of(method),
            "at": _place(method["resolution_frc_0p5_angstrom"], finest),
            **_interval(method, key, finest),
            "verdict": method["verdict"],
            "tone": tone(method["verdict"]),
        }
        for name, method in metrics["methods"].items()
    ]
    floor = metrics["controls"].get(IMAGE_ALONE)
    if floor:
        rows.append(
            {
                "name": CONTROL_LABELS[IMAGE_ALONE],
                "colour": "#8A8A8A",
                "dark": "#8A8A8A",
                "resolution": resolution_of(floor),
                "at": _place(floor["resolution_frc_0p5_angstrom"], finest),
                **_interval(floor, key, finest),
                "verdict": "",
                "tone": "control",
            }
        )
    return rows


def tone(verdict: str) -> str:
    """Say whether a verdict is `good`, `bad` or neither (`even`)."""
    return TONES.get(verdict, "bad")


def interval_key(metrics: Mapping[str, Any]) -> str:
    """Key of the interval to show: over proteins where there is one, for views of one are alike."""
    known = [method.get(OVER_PROTEINS) for method in metrics["methods"].values()]
    return OVER_PROTEINS if known and all(known) else OVER_VIEWS


def _interval(scores: Mapping[str, Any], key: str, finest: float) -> dict[str, Any]:
    """Place and word the interval of a resolution; a single view has none."""
    interval = scores.get(key)
    if not interval or any(end is None for end in interval):
        return {"interval": "", "from": None, "to": None}
    fine, coarse = sorted(float(end) for end in interval)
    return {
        "interval": f"{fine:.2f} to {coarse:.2f} Å",
        "from": _place(coarse, finest),
        "to": _place(fine, finest),
    }


def _place(angstrom: float, finest: float) -> float:
    """Percent of the way from 20 Å to the finest resolution, on a logarithmic scale."""
    share = log(COARSEST_ANGSTROM / angstrom) / log(COARSEST_ANGSTROM / finest)
    return round(100 * min(1.0, max(0.0, share)), 2)
