"""Does a method use the diffraction? FRC with the right pattern, a wrong one, and none.

All on the same views, so that the loss is a paired difference, with an interval over the views.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from diffragan.evaluation.bootstrap import LEVEL, RESAMPLES, mean_interval
from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.scores import ViewScores
from diffragan.evaluation.wording import RERUN_LABELS
from diffragan.rings import COARSEST_ANGSTROM
from diffragan.typing import Bool, Float, Tensor

RIGHT = "right"
BANDS_ANGSTROM = (COARSEST_ANGSTROM, 10, 7, 5, 4, 3.5, 3, 2.5, 2, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5)
"""Ends of the bands of rings in the Markdown table; the limit on the axes ends the last."""
INTERVAL_WORDS = f"{100 * LEVEL:.0f} % bootstrap over views, {RESAMPLES:,} resamplings, seed 0"

Curves = Mapping[str, Float[Tensor, "view ring"]]


def diffraction_use(
    right: ViewScores, reruns: Mapping[str, ViewScores], items: Sequence[int]
) -> dict[str, Any] | None:
    """Compare what a method reaches with right and with replaced inputs, ring by ring.

    Parameters
    ----------
    right : Scores of the method's own result.
    reruns : Scores of its reruns by the name of the control.
    items : Control views.

    Returns
    -------
    The table in the words of `metrics.json`; `None` when nothing was run again.
    """
    if not reruns:
        return None
    limit = right.limit
    curves = {RIGHT: right.curves(items), **{n: s.curves(items) for n, s in reruns.items()}}
    frequency = limit.frequency_per_angstrom
    return {
        "views": len(items),
        "items": list(items),
        "frequency_per_angstrom": frequency.tolist(),
        "resolution_angstrom": (1 / frequency).tolist(),
        **_compared(curves),
        "bands": [
            {"from_angstrom": coarse, "to_angstrom": fine, **_compared(_averaged(curves, rings))}
            for coarse, fine, rings in bands(limit)
        ],
        "interval": INTERVAL_WORDS,
    }


def bands(limit: MeasuredLimit) -> list[tuple[float, float, Bool[Tensor, " ring"]]]:
    """Bands of rings measured all around: coarse end, fine end [Å], and which rings they hold.

    The first entry is the whole range.
    """
    resolution = 1 / limit.frequency_per_angstrom
    fine = limit.axis_angstrom
    ends = [end for end in BANDS_ANGSTROM if end > fine * 1.02] + [fine]
    spans = [(ends[0], fine), *pairwise(ends)]
    found = []
    for coarse, finest in spans:
        last = finest == fine
        inside = (resolution <= coarse) & ((resolution > finest) | last) & limit.whole_rings
        if bool(inside.any()):
            found.append((float(coarse), float(finest), inside))
    return found


def use_table(metrics: Mapping[str, Any]) -> str:
    """Return the comparison of every method, ring by ring, as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(RERUN_LABELS)
    writer.writerow(
        ["method", "frequency_per_angstrom", "resolution_angstrom", "frc_right"]
        + [f"frc_{name}" for name in names]
        + [f"right_minus_{name}{part}" for name in names for part in ("", "_low", "_high")]
    )
    for method, use in _used(metrics):
        for ring, frequency in enumerate(use["frequency_per_angstrom"]):
            row = [method, frequency, 1 / frequency, use["frc"][RIGHT][ring]]
            row += [_at(use["frc"].get(name), ring) for name in names]
            for name in names:
                loss = use["right_minus"].get(name, {})
                row += [_at(loss.get(part), ring) for part in ("mean", "low", "high")]
            writer.writerow(row)
    return text.getvalue()


def use_markdown(metrics: Mapping[str, Any]) -> str:
    """Return the comparison of every method in bands of resolution, as Markdown."""
    parts = [
        "# Does the method use the diffraction?\n\n"
        "Mean FRC of the recovered images with the true ones, over the rings between two "
        "resolutions. Each method was run on the same views with its own pattern (right) and with "
        "an input replaced. Behind each replaced input: how much the right one is better, view by "
        f"view, with its interval ({INTERVAL_WORDS}).\n"
    ]
    for method, use in _used(metrics):
        names = [name for name in RERUN_LABELS if name in use["frc"]]
        heads = ["rings [Å]", "right", *(h for n in names for h in (RERUN_LABELS[n], "loss"))]
        parts.append(f"\n## {method}\n\n{use['views']} views.\n\n")
        parts.append(_line(heads) + _line(["---"] * len(heads)))
        for band in use["bands"]:
            cells = [f"{band['from_angstrom']:g} to {band['to_angstrom']:.3g}"]
            cells.append(f"{band['frc'][RIGHT][0]:.3f}")
            for name in names:
                cells += [f"{band['frc'][name][0]:.3f}", _loss(band["right_minus"][name])]
            parts.append(_line(cells))
    if len(parts) == 1:
        parts.append("\nNo method could be run again.\n")
    return "".join(parts)


def _compared(curves: Curves) -> dict[str, Any]:
    """Mean curves, and by how much the right one is above each other."""
    right = curves[RIGHT]
    losses = {}
    for name, curve in curves.items():
        if name == RIGHT:
            continue
        loss = mean_interval(right - curve)
        losses[name] = {
            "mean": loss.value.tolist(),
            "low": None if loss.low is None else loss.low.tolist(),
            "high": None if loss.high is None else loss.high.tolist(),
        }
    return {
        "frc": {name: curve.mean(0).tolist() for name, curve in curves.items()},
        "right_minus": losses,
    }


def _averaged(curves: Curves, rings: Bool[Tensor, " ring"]) -> Curves:
    return {name: curve[:, rings].mean(1, keepdim=True) for name, curve in curves.items()}


def _used(metrics: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    methods = metrics["methods"].items()
    return [(n, m["diffraction_use"]) for n, m in methods if m.get("diffraction_use")]


def _at(values: Sequence[float] | None, ring: int) -> float | str:
    return "" if values is None else values[ring]


def _loss(loss: Mapping[str, Any]) -> str:
    words = f"{loss['mean'][0]:+.3f}"
    if loss["low"] is not None:
        words += f" [{loss['low'][0]:+.3f}, {loss['high'][0]:+.3f}]"
    return words


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"
