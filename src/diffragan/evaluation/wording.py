"""How results are worded in tables, captions and figures."""

from collections.abc import Mapping
from typing import Any

CONTROL_LABELS = {
    "low_resolution_image_alone": "low-resolution image alone",
    "true_moduli_low_resolution_phases": "true moduli, low-resolution phases",
    "true_moduli_random_phases": "true moduli, random phases",
    "hio": "HIO, some views",
    "raar": "RAAR, some views",
    "nearest_training_projection": "nearest training projection",
}
RERUN_LABELS = {
    "wrong_diffraction": "wrong pattern",
    "no_diffraction": "no pattern",
    "mean_diffraction": "mean training pattern",
    "wrong_image": "wrong image",
}
"""Inputs replaced when a method is run again."""


def resolution_text(angstrom: float, reaches_limit: bool, starts_below: bool) -> str:
    """Word a resolution: a bound is marked as one."""
    if starts_below:
        return f"> {angstrom:.0f} Å"
    return f"≤ {angstrom:.2f} Å" if reaches_limit else f"{angstrom:.2f} Å"


def resolution_of(scores: Mapping[str, Any], prefix: str = "") -> str:
    """Word the resolution of a mean curve.

    `prefix` is `wave_` for the curve of the waves,
    `measured_` for that of the measured coefficients of the images alone.
    """
    return resolution_text(
        scores[f"{prefix}resolution_frc_0p5_angstrom"],
        scores[f"{prefix}resolution_reaches_limit"],
        scores[f"{prefix}resolution_starts_below"],
    )


def resolution_of_view(scores: Mapping[str, Any], item: int) -> str:
    """Word the resolution of the view of one item."""
    row = scores["items"].index(item)
    return resolution_text(
        scores["resolution_per_view_angstrom"][row],
        scores["reaches_limit_per_view"][row],
        scores["starts_below_per_view"][row],
    )


def wrong_diffraction_of(method: Mapping[str, Any]) -> str:
    """Word what a method reaches with the wrong pattern, or that it was not tried."""
    control = method["controls"]["wrong_diffraction"]
    return "not run" if "not_run" in control else resolution_of(control)


def shorten(name: str, most: int) -> str:
    """Cut a name in the middle: names that differ by a number at the end stay apart."""
    tail = most // 3
    return name if len(name) <= most else f"{name[: most - tail - 1]}…{name[-tail:]}"


def limit_text(metrics: Mapping[str, Any]) -> str:
    """Word where the measurement ends."""
    limit = metrics["measured_limit_angstrom"]
    text = (
        f"measured to {limit['axis']:.2f} Å on the axes (whole rings) and to "
        f"{limit['corner']:.2f} Å in the corners of the square"
    )
    if limit["judged"] > limit["corner"] * 1.02:
        text += f"; the images end at {limit['judged']:.2f} Å"
    return text
