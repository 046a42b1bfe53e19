"""Everything the page's script draws from, as one JSON value."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffragan.evaluation.page_curves import appearance, frc_chart, fsc_chart, limits
from diffragan.evaluation.predictions import expected_of_view, predicts
from diffragan.evaluation.sections import Reconstruction
from diffragan.evaluation.summary import best_method
from diffragan.evaluation.volume import pack_volume
from diffragan.evaluation.wording import resolution_of_view

DIGITS = 3


def page_data(
    metrics: Mapping[str, Any],
    views: Mapping[str, Any] | None,
    reconstructions: Sequence[Reconstruction],
) -> dict[str, Any]:
    """Gather curves, views, orientations and maps.

    Parameters
    ----------
    metrics : What `evaluate` returned.
    views : What `read_views` returned; without it the page has no gallery and no globe.
    """
    return {
        "frc": frc_chart(metrics),
        "gallery": None if views is None else _gallery(metrics, views),
        "orientations": None if views is None else _orientations(metrics, views),
        "maps": [
            {
                "name": found.name,
                "volume": pack_volume(found).embedded(),
                "fsc": fsc_chart(found.name, found.fsc),
            }
            for found in reconstructions
        ],
    }


def _gallery(metrics: Mapping[str, Any], views: Mapping[str, Any]) -> dict[str, Any]:
    methods = metrics["methods"]
    order = ["diffraction", "low resolution", *(f"method {name}" for name in methods), "truth"]
    return {
        "molecules": views["molecules"],
        "best": best_method(metrics)[0],
        "rings": views["rings"],
        "frequency": [round(value, 6) for value in views["frequency_per_angstrom"]],
        **limits(metrics),
        "methods": appearance(list(methods)),
        "views": [
            {
                **view,
                "pictures": _ordered(view["pictures"], order),
                "frc": _ordered(view["frc"], list(methods)),
                "resolution": {
                    name: resolution_of_view(methods[name], view["item"])
                    for name in methods
                    if name in view["frc"]
                },
                "expected": {
                    name: expected_of_view(methods[name], view["item"])
                    for name in methods
                    if name in view["frc"] and predicts(methods[name])
                },
            }
            for view in views["views"]
        ],
    }


def _orientations(metrics: Mapping[str, Any], views: Mapping[str, Any]) -> dict[str, Any]:
    """Direction of every judged view, and what each method reached there; a gap where nothing."""
    items, directions = views["items"], views["beam_direction"]
    return {
        "items": items,
        "molecules": views["molecules"],
        "best": best_method(metrics)[0],
        "molecule": views["molecule_of_item"],
        "direction": [[round(part, DIGITS) for part in of_item] for of_item in directions],
        "limit": metrics["measured_limit_angstrom"],
        "methods": [
            {
                "name": name,
                **look,
                "resolution": _in_order(metrics["methods"][name], items),
                "bounds": _bounds(metrics["methods"][name]),
                "expected": _expected(metrics["methods"][name], items),
            }
            for name, look in appearance(list(metrics["methods"])).items()
        ],
    }


def _in_order(method: Mapping[str, Any], items: Sequence[int]) -> list[float | None]:
    found = dict(zip(method["items"], method["resolution_per_view_angstrom"], strict=True))
    return [round(found[item], DIGITS) if item in found else None for item in items]


def _expected(method: Mapping[str, Any], items: Sequence[int]) -> list[float | None] | None:
    if not predicts(method):
        return None
    pairs = zip(method["items"], method["predicted_resolution_per_view_angstrom"], strict=True)
    found = dict(pairs)
    return [round(found[item], DIGITS) if item in found else None for item in items]


def _bounds(method: Mapping[str, Any]) -> dict[str, str]:
    """Sign before the resolution of those views for which it is only a bound."""
    signs: dict[str, str] = {}
    for key, sign in (("reaches_limit_per_view", "≤"), ("starts_below_per_view", ">")):
        pairs = zip(method["items"], method[key], strict=True)
        signs |= {str(item): sign for item, is_bound in pairs if is_bound}
    return signs


def _ordered(values: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    """Sort by names: files keep keys in the order of the alphabet."""
    return {name: values[name] for name in order if name in values}
