"""The table of proteins: how well each was phased by each method."""

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from diffragan.evaluation.predictions import predicts
from diffragan.evaluation.wording import resolution_text

HEADINGS = ("Protein", "Mass [kDa]", "Views")
SHAPE = {
    "radius_of_gyration_angstrom": ("Radius of gyration [Å]", "{:.1f}"),
    "aspect_ratio": ("Aspect ratio", "{:.2f}"),
    "oversampling": ("Over-sampling", "{:.1f}"),
}
"""What the evaluation may know of each protein besides: heading and format of each key."""
SCORES = ("Å", "FRC", "SSIM")
"""Of each method: median resolution, mean FRC over the whole rings, and mean similarity."""
EXPECTED = "expected Å"
"""Of a method that predicts, besides: median predicted resolution."""


def protein_table(metrics: Mapping[str, Any], views: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return headings, methods and rows; a cell is a text with the number to sort by.

    Parameters
    ----------
    metrics : What `evaluate` returned.
    views : What `read_views` returned; without it nothing is known of single proteins.
    """
    if views is None:
        return {"headings": [], "methods": [], "scores": {}, "rows": []}
    owner = dict(zip(views["items"], views["molecule_of_item"], strict=True))
    masses = {entry["name"]: entry["mass_kda"] for entry in metrics["data"]["molecules"]}
    described = {
        group.get("name", group["label"]): group
        for group in (metrics.get("groups") or {}).get("protein", ())
    }
    shape = [key for key in SHAPE if any(key in group for group in described.values())]
    rows = []
    for molecule in sorted(set(owner.values())):
        name = views["molecules"][molecule]
        count = sum(1 for of_item in owner.values() if of_item == molecule)
        mass = masses.get(name)
        cells = [
            _cell(name, name),
            _cell("" if mass is None else f"{mass:.1f}", mass),
            _cell(str(count), count),
        ]
        for key in shape:
            value = described.get(name, {}).get(key)
            cells.append(_cell("" if value is None else SHAPE[key][1].format(value), value))
        for method in metrics["methods"].values():
            cells += _scores(method, [owner[item] == molecule for item in method["items"]])
        rows.append(cells)
    return {
        "headings": [*HEADINGS, *(SHAPE[key][0] for key in shape)],
        "methods": list(metrics["methods"]),
        "scores": {
            name: (*SCORES, EXPECTED) if predicts(method) else SCORES
            for name, method in metrics["methods"].items()
        },
        "rows": rows,
    }


def _scores(method: Mapping[str, Any], chosen: Sequence[bool]) -> list[dict[str, Any]]:
    """Median resolution, which single bounds do not spoil, and mean scores of the chosen views."""
    if not any(chosen):
        rest = len(SCORES) - (0 if predicts(method) else 1)
        return [_cell("not phased", None, starts=True), *[_cell("", None)] * rest]

    def of_chosen(key: str) -> list[Any]:
        return [value for value, wanted in zip(method[key], chosen, strict=True) if wanted]

    found = of_chosen("resolution_per_view_angstrom")
    middle, half = median(found), len(found) / 2
    # Without its unit, which stands in the heading.
    words = resolution_text(
        middle,
        reaches_limit=sum(of_chosen("reaches_limit_per_view")) > half,
        starts_below=sum(of_chosen("starts_below_per_view")) > half,
    ).removesuffix(" Å")
    frc, ssim = fmean(of_chosen("score_per_view")), fmean(of_chosen("ssim_per_view"))
    cells = [
        _cell(words, middle, starts=True),
        _cell(f"{frc:.3f}", frc),
        _cell(f"{ssim:.3f}", ssim),
    ]
    if predicts(method):
        expected = median(of_chosen("predicted_resolution_per_view_angstrom"))
        cells.append(_cell(f"{expected:.2f}", expected))
    return cells


def _cell(text: str, order: float | str | None, starts: bool = False) -> dict[str, Any]:
    """Make a cell; `starts` marks the first one of a method."""
    return {"text": text, "order": "" if order is None else order, "starts": starts}
