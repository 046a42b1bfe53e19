"""The result in plain words: what was done, what it shows, and what it does not."""

from collections.abc import Mapping
from typing import Any

from diffragan.evaluation.verdict import (
    IGNORES,
    NOT_BETTER,
    NOT_TESTED,
    OTHER_VIEW,
    RANDOM,
    RETURNS_IMAGE,
    SAME_IMAGE,
    USES,
)
from diffragan.evaluation.wording import limit_text, resolution_of

NAMES_SHOWN = 3

VERDICT_SENTENCES = {
    USES: "loses its score when it is given the wrong pattern, so it does use the diffraction",
    IGNORES: "keeps most of its gain with the wrong pattern, so its score does not come from the "
    "diffraction",
    NOT_BETTER: "is not better than the low-resolution image alone",
    NOT_TESTED: "is better than the low-resolution image alone; it was not tested with a wrong "
    "pattern, so where its score comes from is not known",
    RETURNS_IMAGE: "returns the low-resolution image, and adds nothing to it",
    OTHER_VIEW: "returns images of other views: they are like the truth of another item and "
    "unlike their own",
    SAME_IMAGE: "returns the same image for every view, whatever it is given",
    RANDOM: "does not phase: its phases are no better than random at any resolution",
}


def summarise(metrics: Mapping[str, Any]) -> list[str]:
    """Return sentences in three groups: done, shown, not shown."""
    return [_done(metrics), _shown(metrics), _not_shown(metrics)]


def _done(metrics: Mapping[str, Any]) -> str:
    data, methods = metrics["data"], metrics["methods"]
    names = [molecule["name"] for molecule in data["molecules"]]
    shown = ", ".join(names[:NAMES_SHOWN]) + (" and others" if len(names) > NAMES_SHOWN else "")
    count = len(names)
    verb = "was" if data["views"] == 1 else "were"
    return (
        f"{data['views']} simulated {_plural('view', data['views'])} of {count} "
        f"{_plural('molecule', count)} ({shown}) {verb} phased by {len(methods)} "
        f"{_plural('method', len(methods))} from a diffraction pattern and a noisy low-resolution "
        "image each, and compared with the true images, which are known because the data are "
        "simulated."
    )


def _shown(metrics: Mapping[str, Any]) -> str:
    name, best = best_method(metrics)
    floor = resolution_of(metrics["controls"]["low_resolution_image_alone"])
    wave = resolution_of(best, "wave_")
    if best["resolution_starts_below"]:
        first = (
            "No method's image has a mean correlation (FRC) with the truth above 0.5 at the coarse "
            f"end of the curve; the low-resolution image alone reaches {floor}. The complex wave "
            f"that {name} recovered reaches {wave}."
        )
    else:
        first = (
            f"The finest result is that of {name}: the mean correlation (FRC) of its images with "
            f"the truth stays above 0.5 down to {resolution_of(best)} (that of its complex waves: "
            f"{wave}); the low-resolution image alone reaches {floor}."
        )
    return (
        f"{first} {name} {VERDICT_SENTENCES[best['verdict']]}. The pattern was "
        f"{limit_text(metrics)}, so nothing finer can be shown."
    )


def _not_shown(metrics: Mapping[str, Any]) -> str:
    data = metrics["data"]
    limits = [
        "what these methods do on real patterns: the ones here are simulated, free of noise and "
        "of ice",
    ]
    if data["views"] < 50 or len(data["molecules"]) < 3:
        limits.append(
            f"how results vary over molecules: {data['views']} "
            f"{_plural('view', data['views'])} of {len(data['molecules'])} "
            f"{_plural('molecule', len(data['molecules']))} are a hint, not statistics"
        )
    limits.append(
        "that a fine curve means a correct structure: FRC compares images, not atomic models"
    )
    return "It does not show " + "; nor ".join(limits) + "."


def best_method(metrics: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Find the method with the finest mean resolution of images; of equals, of waves."""

    def fineness(entry: tuple[str, Mapping[str, Any]]) -> tuple[float, float]:
        scores = entry[1]
        return (
            float(scores["resolution_frc_0p5_angstrom"]),
            float(scores["wave_resolution_frc_0p5_angstrom"]),
        )

    methods: Mapping[str, Mapping[str, Any]] = metrics["methods"]
    return min(methods.items(), key=fineness)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word + "s"
