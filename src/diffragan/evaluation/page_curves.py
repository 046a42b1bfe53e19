"""Curves as the page's script draws them: who, how, and whether they are shown at first."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from diffragan.evaluation.metrics import FRC_THRESHOLD
from diffragan.evaluation.style import CONTROL_GREYS, MARKERS, lighter, method_colours
from diffragan.evaluation.wording import CONTROL_LABELS, RERUN_LABELS, resolution_of

DIGITS = 4
BEYOND = 1.06
"""How far past the measured limit an axis goes, so that the limit is seen."""
HALF_MAPS_THRESHOLD = 0.143
SHAPES = {"o": "circle", "s": "square", "^": "up", "D": "diamond", "v": "down"}
"""Markers of the figures that the page draws too; others become circles."""

METHODS, REPLACED, CONTROLS, WAVES = (
    "Methods, images",
    "Methods with an input replaced",
    "Controls",
    "Methods, complex waves",
)


def appearance(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour on white, colour on black and marker of every method."""
    return {
        name: {
            "colour": colour,
            "dark": lighter(colour),
            "shape": SHAPES.get(MARKERS[place % len(MARKERS)], "circle"),
        }
        for place, (name, colour) in enumerate(method_colours(names).items())
    }


def frc_chart(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return mean FRC curves of methods and controls with the measured limit."""
    methods = metrics["methods"]
    looks = appearance(list(methods))
    first = next(iter(methods.values()))
    replaced = [
        series_of(f"{name}, {RERUN_LABELS.get(control, control)}", REPLACED, scores["frc_mean"],
                looks[name], dash=(2, 3), on=control == "wrong_diffraction",
                resolution=resolution_of(scores))
        for name, method in methods.items()
        for control, scores in method["controls"].items()
        if "frc_mean" in scores
    ]  # fmt: skip
    return {
        "label": "Fourier ring correlation of images with the truth, mean over views",
        "axis": "Fourier ring correlation",
        "frequency": _short(first["frequency_per_angstrom"], 6),
        **limits(metrics),
        "series": [
            *_of_methods(methods, looks, METHODS, ""),
            *replaced,
            *_of_controls(metrics["controls"]),
            *_of_methods(methods, looks, WAVES, "wave_"),
        ],
    }


def limits(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Where the measurement ends, where the axis does, and the threshold."""
    limit = metrics["measured_limit_angstrom"]
    return {
        "limit": {"axis": limit["axis"], "corner": limit["corner"]},
        "end": BEYOND / limit["corner"],
        "thresholds": [FRC_THRESHOLD],
    }


def fsc_chart(name: str, fsc: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the shell correlations of a map; a map of another program has none."""
    if not fsc:
        return None
    frequency = fsc["frequency_per_angstrom"][1:]
    blue, red = (
        {"colour": "#0072B2", "dark": lighter("#0072B2"), "shape": "circle"},
        {"colour": "#D55E00", "dark": lighter("#D55E00"), "shape": "square"},
    )
    half = _angstrom(fsc.get("resolution_fsc_0p143_angstrom"))
    series = [series_of("half maps", "", fsc["fsc_half_maps"][1:], blue, resolution=half)]
    if fsc.get("fsc_truth"):
        true = _angstrom(fsc.get("resolution_fsc_truth_0p5_angstrom"))
        series.append(
            series_of("map and true potential", "", fsc["fsc_truth"][1:], red, resolution=true)
        )
    return {
        "label": f"Fourier shell correlations of the map {name}",
        "axis": "Fourier shell correlation",
        "frequency": _short(frequency, 6),
        "limit": None,
        "end": frequency[-1],
        "thresholds": [HALF_MAPS_THRESHOLD, FRC_THRESHOLD],
        "series": series,
    }


def _of_methods(
    methods: Mapping[str, Any], looks: Mapping[str, dict[str, str]], group: str, prefix: str
) -> list[dict[str, Any]]:
    found = []
    for name, method in methods.items():
        mean, spread = method[f"{prefix}frc_mean"], method.get(f"{prefix}frc_std")
        series = series_of(
            name, group, mean, looks[name], on=not prefix, resolution=resolution_of(method, prefix),
            dash=(7, 3) if prefix else (),
        )  # fmt: skip
        if spread and not prefix:
            series["low"] = _short([m - s for m, s in zip(mean, spread, strict=True)])
            series["high"] = _short([m + s for m, s in zip(mean, spread, strict=True)])
        found.append(series)
    return found


def _of_controls(controls: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        series_of(
            CONTROL_LABELS.get(name, name),
            CONTROLS,
            scores["frc_mean"],
            {
                "colour": CONTROL_GREYS[place % len(CONTROL_GREYS)],
                "dark": lighter(CONTROL_GREYS[place % len(CONTROL_GREYS)]),
                "shape": "",
            },
            dash=((6, 3), (6, 3, 2, 3), (1, 2))[place % 3],
            resolution=resolution_of(scores),
        )
        for place, (name, scores) in enumerate(controls.items())
        if "frc_mean" in scores
    ]


def series_of(
    label: str,
    group: str,
    values: Sequence[float],
    look: Mapping[str, str],
    dash: Sequence[float] = (),
    on: bool = True,
    resolution: str = "",
) -> dict[str, Any]:
    """Return one curve of a chart: its values, and how it is drawn and read."""
    return {
        "label": label,
        "group": group,
        "values": _short(values),
        "colour": look["colour"],
        "dark": look["dark"],
        "shape": "" if dash else look["shape"],
        "dash": " ".join(map(str, dash)),
        "on": on,
        "resolution": resolution,
    }


def _short(values: Sequence[float | None], digits: int = DIGITS) -> list[float | None]:
    """Round for the page; a value that is not finite is `null` in the file, and a gap here."""
    return [
        None if value is None or not isfinite(value) else round(float(value), digits)
        for value in values
    ]


def _angstrom(value: float | None) -> str:
    return f"{value:.2f} Å" if value else "end of the data"
