"""The figure of stability: mean FRC over the size of a change. The paper's S4."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.changes import COUNTED_AGAIN, UNCHANGED, Kind
from diffragan.evaluation.paper.column import column_figure, legend_below, letter
from diffragan.evaluation.paper.judged import BANDS_ANGSTROM, band_mean
from diffragan.evaluation.paper.stability import Stability
from diffragan.evaluation.style import CONTROL_GREYS, FAINT, INK, METHOD_COLOURS

HEIGHT_INCHES = 3.7
BANDS = BANDS_ANGSTROM[:2]
PANELS: tuple[tuple[Kind, str], ...] = (
    ("shift", "shift [Å]"),
    ("turn", "turn [degrees]"),
    ("dose", "share of dose"),
)
SERIES = (
    ("with_truth", METHOD_COLOURS["cgan"], "o", "output and its truth"),
    ("with_unchanged", METHOD_COLOURS["hio"], "s", "output and output of the unchanged input"),
)


def stability_rows(found: Sequence[Stability], limit: MeasuredLimit) -> list[dict[str, Any]]:
    """Describe each change in plain numbers."""
    rows = []
    for one in found:
        bands = []
        for band in BANDS:
            described: dict[str, Any] = {"from_angstrom": band[0], "to_angstrom": band[1]}
            for name, *_ in SERIES:
                scores = band_mean(getattr(one, name), limit, band)
                described |= {name: float(scores.mean()), f"{name}_std": float(scores.std())}
            bands.append(described)
        rows.append(
            {
                "change": "unchanged" if one.change == UNCHANGED else one.change.kind,
                "amount": one.change.amount,
                "bands": bands,
                "frc_with_truth": one.with_truth.mean(0).tolist(),
                "frc_with_unchanged": one.with_unchanged.mean(0).tolist(),
            }
        )
    return rows


def draw_stability(found: Sequence[Stability], limit: MeasuredLimit) -> Figure:
    """Draw how the output moves with each kind of change, a row of panels for each band."""
    figure = column_figure(HEIGHT_INCHES)
    panels = figure.subplots(len(BANDS), len(PANELS), sharey=True, sharex="col")
    letters = iter("abcdef")
    for row, band in zip(panels, BANDS, strict=True):
        for ax, (kind, label) in zip(row, PANELS, strict=True):
            _panel(ax, found, kind, band, limit)
            letter(ax, next(letters))
            if band == BANDS[-1]:
                ax.set_xlabel(label)
        row[0].set_ylabel(f"mean FRC,\n{band[0]:g} to {band[1]:g} Å")
    legend_below(figure, panels[0, 0], 1)
    return figure


def _panel(
    ax: Axes,
    found: Sequence[Stability],
    kind: Kind,
    band: tuple[float, float],
    limit: MeasuredLimit,
) -> None:
    """Draw one kind of change; a full dose is one at which the counts are drawn again."""
    again = next(one for one in found if one.change == COUNTED_AGAIN)
    start = again if kind == "dose" else next(one for one in found if one.change == UNCHANGED)
    at_rest = 1.0 if kind == "dose" else 0.0
    places = {at_rest: start} | {f.change.amount: f for f in found if f.change.kind == kind}
    for name, colour, marker, words in SERIES:
        scores = [band_mean(getattr(places[at], name), limit, band) for at in sorted(places)]
        ax.errorbar(
            sorted(places), [s.mean() for s in scores], yerr=[s.std() for s in scores],
            color=colour, marker=marker, ms=3, mec=INK, mew=0.3, lw=1, elinewidth=0.6, label=words,
        )  # fmt: skip
    level = float(band_mean(again.with_unchanged, limit, band).mean())
    ax.axhline(
        level, color=CONTROL_GREYS[0], lw=0.8, ls=(0, (2, 1.2)),
        label="counts drawn again, else unchanged",
    )  # fmt: skip
    if kind == "shift":
        ax.set_xticks((0, 2, 4))
    if kind == "dose":
        ax.set_xscale("log", base=2)
        ax.set_xticks((0.25, 0.5, 1.0), ("1/4", "1/2", "1"))
        ax.set_xlim(1.15, 0.22)
    ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.03)
    ax.grid(axis="y", color=FAINT, lw=0.5)
