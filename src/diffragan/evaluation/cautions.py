"""What a reader must know before believing a number, in words."""

from collections.abc import Mapping
from typing import Any

from diffragan.evaluation.predictions import STATED_SHARE
from diffragan.evaluation.verdict import (
    IGNORES,
    NOT_BETTER,
    NOT_TESTED,
    OTHER_VIEW,
    RANDOM,
    RETURNS_IMAGE,
    SAME_IMAGE,
)
from diffragan.evaluation.wording import resolution_of

SEEN_BEFORE = 1e-2
"""Distance to a training view, in units of the data, below which it is that view itself."""
FAR_ANGSTROM = 2.0
"""A shift that the low-resolution image should have prevented; lesser ones are in the numbers."""
LEAST_INSIDE = 0.75
"""Share of the views inside intervals stated for 0.9, below which these are not to be trusted."""
MANY_VIEWS = 20
"""Of which so few would lie inside by chance, were the intervals right, once in a hundred times."""

OF_VERDICT = {
    IGNORES: "{name} failed its control: with a wrong pattern it keeps most of its gain, so its "
    "score does not come from the diffraction.",
    NOT_TESTED: "{name} was not run with a wrong pattern, so whether it uses the diffraction is "
    "not known.",
    NOT_BETTER: "{name} is not better than the low-resolution image alone.",
    RETURNS_IMAGE: "{name} returns the low-resolution image: it adds nothing to its input.",
    OTHER_VIEW: "{name} returns images of other views: they are like the truth of another item, "
    "and unlike their own.",
    SAME_IMAGE: "{name} returns the same image whatever it is given.",
    RANDOM: "{name}: its phases are no better than random, from the lowest resolution on.",
}


def cautions(metrics: Mapping[str, Any]) -> list[str]:
    """Word every warning about an evaluation, method by method, then on the whole."""
    found: list[str] = []
    for name, method in metrics["methods"].items():
        found += _of_method(name, method, metrics["measured_limit_angstrom"])
    nearest = metrics["controls"].get("nearest_training_projection")
    if nearest:
        seen = sum(distance < SEEN_BEFORE for distance in nearest["distances"])
        if seen:
            found.append(
                f"{seen} of {nearest['views']} judged views are in the training data: what a "
                "network makes of them shows its memory."
            )
    if metrics["data"]["views"] == 1:
        found.append("A single view was judged: nothing is known of how results vary.")
    return found


def _of_method(name: str, method: Mapping[str, Any], limit: Mapping[str, float]) -> list[str]:
    found = []
    if method["verdict"] in OF_VERDICT:
        found.append(OF_VERDICT[method["verdict"]].format(name=name))
    beyond = method["resolution_frc_0p5_angstrom"] < limit["axis"] * (1 - 1e-9)
    if beyond and not method["resolution_starts_below"]:
        found.append(
            f"The resolution of {name}, {resolution_of(method)}, lies beyond the measured data: "
            f"whole rings of the pattern end at {limit['axis']:.2f} Å."
        )
    inside = method.get("predicted_resolution_inside_interval")
    views, alignment = method["views"], method["alignment"]
    if inside is not None and views >= MANY_VIEWS and inside < LEAST_INSIDE:
        found.append(
            f"Only {100 * inside:.0f} % of {views} views lie inside the interval that {name} "
            f"stated for {100 * STATED_SHARE:.0f} %: what it predicts of such data cannot be "
            "trusted."
        )
    if method["constant_views"]:
        found.append(
            f"{len(method['constant_views'])} of {views} images of {name} are the same everywhere."
        )
    if alignment["twin_views"]:
        found.append(
            f"{len(alignment['twin_views'])} of {views} images of {name} were the twin of their "
            "truth, turned half a turn, and were turned back before they were compared."
        )
    if alignment["largest_shift_angstrom"] > FAR_ANGSTROM:
        found.append(
            f"{alignment['shifted_views']} of {views} images of {name} lay beside their truth, by "
            f"up to {alignment['largest_shift_angstrom']:.1f} Å, and were moved onto it before "
            "they were compared."
        )
    return found
