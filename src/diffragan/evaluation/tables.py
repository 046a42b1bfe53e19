"""Rows of the page's tables of methods and controls, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from diffragan.evaluation.first_screen import tone
from diffragan.evaluation.wording import (
    CONTROL_LABELS,
    RERUN_LABELS,
    resolution_of,
    wrong_diffraction_of,
)


def method_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the table of methods, in words."""
    return [
        {
            "name": name,
            "views": method["views"],
            "resolution": resolution_of(method),
            "wave_resolution": resolution_of(method, "wave_"),
            "ssim": f"{method['ssim_mean']:.3f}",
            "r_factor": f"{method['r_factor_mean']:.3f}",
            "r_free": _free(method),
            "wrong_diffraction": wrong_diffraction_of(method),
            "why_not": method["controls"]["wrong_diffraction"].get("not_run", ""),
            "pattern_of": method["controls"]["wrong_diffraction"].get("pattern_of", ""),
            "verdict": method["verdict"],
            "tone": tone(method["verdict"]),
        }
        for name, method in metrics["methods"].items()
    ]


def control_rows(metrics: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the controls that no method enters into."""
    return [
        {
            "name": CONTROL_LABELS.get(name, name),
            "resolution": resolution_of(control),
            "wave_resolution": resolution_of(control, "wave_"),
            "ssim": f"{control['ssim_mean']:.3f}",
            "r_factor": f"{control['r_factor_mean']:.3f}",
            "r_free": _free(control),
        }
        for name, control in metrics["controls"].items()
    ]


def _free(scores: Mapping[str, Any]) -> str:
    value = scores.get("r_free")
    return "" if value is None else f"{value:.3f}"


def use_tables(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of what each method loses, band by band, when an input is replaced."""
    return [
        _use_table(name, method["diffraction_use"])
        for name, method in metrics["methods"].items()
        if method.get("diffraction_use")
    ]


def _use_table(method: str, use: Mapping[str, Any]) -> dict[str, Any]:
    bands = use["bands"]
    names = [name for name in RERUN_LABELS if name in bands[0]["frc"]]
    return {
        "method": method,
        "views": use["views"],
        "interval": use["interval"],
        "headings": [RERUN_LABELS[name] for name in names],
        "rows": [
            {
                "rings": f"{band['from_angstrom']:g} to {band['to_angstrom']:.3g} Å",
                "right": _frc(band["frc"]["right"]),
                "cells": [
                    {"frc": _frc(band["frc"][name]), "loss": _loss(band["right_minus"][name])}
                    for name in names
                ],
            }
            for band in bands
        ],
    }


def _frc(values: Sequence[float]) -> str:
    return f"{values[0]:.3f}"


def _loss(loss: Mapping[str, Any]) -> str:
    words = f"{loss['mean'][0]:+.3f}"
    if loss.get("low") and loss.get("high"):
        words += f" ({loss['low'][0]:+.3f} to {loss['high'][0]:+.3f})"
    return words
