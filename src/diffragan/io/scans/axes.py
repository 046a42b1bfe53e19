"""What the axes of a file's array say of step and sampling."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffragan.io.scans.units import Quantity


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an array."""

    name: str
    scale: float
    """Distance between neighbours; 0 where it is not known."""
    unit: str


UNEQUAL_SHARE = 0.01
"""Pixels whose sides differ by more are no squares."""


def step_and_sampling(
    axes: Sequence[Axis],
) -> tuple[Quantity | None, Quantity | None, tuple[str, ...]]:
    """Return the scan's step and the pattern's sampling, and lines about what is not square.

    Parameters
    ----------
    axes : Those of `(scan_y, scan_x, q_y, q_x)` or `(frame, q_y, q_x)`.
    """
    scan, pattern = axes[:-2], axes[-2:]
    step = _common(scan) if len(scan) == 2 else None
    notes = tuple(
        f"its {what} of {pair[0].scale:g} and {pair[1].scale:g} {pair[1].unit} are not equal; "
        "the latter is used"
        for what, pair in (("steps along y and x", scan), ("samplings along q_y and q_x", pattern))
        if len(pair) == 2 and _differ(pair)
    )
    return step, _common(pattern), notes


def _common(pair: Sequence[Axis]) -> Quantity | None:
    last = pair[-1]
    return Quantity(last.scale, last.unit) if last.scale and last.unit else None


def _differ(pair: Sequence[Axis]) -> bool:
    first, last = abs(pair[0].scale), abs(pair[1].scale)
    return bool(first and last and abs(first - last) > UNEQUAL_SHARE * last)
