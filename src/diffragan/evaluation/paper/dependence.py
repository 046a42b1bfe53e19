"""Does the score depend on size and shape, against the training set? The paper's S1 and S2."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.column import band_words, column_figure, letter
from diffragan.evaluation.paper.judged import JudgedViews, Numbers
from diffragan.evaluation.paper.shape import projected_area_angstrom2, shape_of
from diffragan.evaluation.style import CONTROL_GREYS, FAINT, INK, METHOD_COLOURS
from diffragan.io.triplets import StructureEntry, TripletStore
from diffragan.rotations import matrix_from_quaternion

HEIGHT_INCHES = 4.1
PROPERTIES = ("mass_kda", "radius_of_gyration_angstrom", "aspect_ratio", "area_angstrom2")
LABELS = {
    "mass_kda": "mass [kDa]",
    "radius_of_gyration_angstrom": "radius of gyration [Å]",
    "aspect_ratio": "aspect ratio",
    "area_angstrom2": "projected area [Å²]",
}
FEWEST_FOR_A_RANK = 4
HISTOGRAM_SHARE = 0.2
"""Of a panel's height, for the training set's distribution."""


@dataclass(frozen=True, slots=True)
class Properties:
    """Size and shape of molecules, and of each view's shadow."""

    molecules: list[dict[str, Any]]
    """`name`, `mass_kda`, `radius_of_gyration_angstrom` and `aspect_ratio` of each."""
    structure: Numbers
    """`(view,)`, which molecule each view is of."""
    area_angstrom2: Numbers
    """`(view,)`."""

    def of(self, name: str) -> Numbers:
        """Values of a property: of each view for the area, of each molecule for all others."""
        if name == "area_angstrom2":
            return self.area_angstrom2
        return np.array([molecule[name] for molecule in self.molecules])


def measure_properties(data: TripletStore, items: Sequence[int]) -> Properties:
    """Measure all molecules of a data set, and the shadows of some of its views."""
    entries = data.structures()
    owner = data.read("structure", items)
    turns = matrix_from_quaternion(data.read("orientation", items))
    areas = [
        projected_area_angstrom2(entries[int(o)].positions @ turn.T)
        for o, turn in zip(owner, turns, strict=True)
    ]
    return Properties([_described(e) for e in entries], owner.astype(float), np.array(areas))


def _described(entry: StructureEntry) -> dict[str, Any]:
    shape = shape_of(entry.positions, entry.atomic_numbers)
    return {
        "name": entry.name,
        "mass_kda": entry.mass_kda,
        "radius_of_gyration_angstrom": shape.radius_of_gyration_angstrom,
        "aspect_ratio": shape.aspect_ratio,
    }


def dependences(views: JudgedViews, test: Properties, train: Properties | None) -> dict[str, Any]:
    """Rank correlation of the score with each property, and the training set's range of it.

    The molecules' mean scores for properties of molecules, the views' for the projected area.

    Source: Spearman, Am. J. Psychol. 15 (1904) 72.
    """
    found: dict[str, Any] = {}
    for name in PROPERTIES:
        values, scores = _pairs(views, test, name)
        ranked = len(np.unique(values)) >= FEWEST_FOR_A_RANK
        rank = spearmanr(values, scores) if ranked else None
        trained = None if train is None else train.of(name)
        outside = 0 if trained is None else _outside(values, trained)
        found[name] = {
            "values": values.tolist(),
            "scores": scores.tolist(),
            "spearman": None if rank is None else float(rank.statistic),
            "p_value": None if rank is None else float(rank.pvalue),
            "training_range": None if trained is None else [trained.min(), trained.max()],
            "outside_training_range": outside,
        }
    return found


def _outside(values: Numbers, trained: Numbers) -> int:
    return int(((values < trained.min()) | (values > trained.max())).sum())


def _pairs(views: JudgedViews, test: Properties, name: str) -> tuple[Numbers, Numbers]:
    if name == "area_angstrom2":
        return test.area_angstrom2, views.scores
    shown = np.unique(views.structure)
    return test.of(name)[shown], np.array([views.of([int(i)]).scores.mean() for i in shown])


def draw_dependence(
    views: JudgedViews,
    test: Properties,
    train: Properties | None,
    found: Mapping[str, Any],
    limit: MeasuredLimit,
) -> Figure:
    """Draw the score over each property, above the training set's distribution of it.

    Parameters
    ----------
    views : Of the data that `test` describes, in the same order.
    found : What `dependences` returned.
    """
    figure = column_figure(HEIGHT_INCHES)
    panels = figure.subplots(2, 2, sharey=True).flatten()
    lowest, highest = float(views.scores.min()), float(views.scores.max())
    room = max(highest - lowest, 0.01)
    floor = lowest - (HISTOGRAM_SHARE + 0.08) * room
    for text, ax, name in zip("abcd", panels, PROPERTIES, strict=True):
        _points(ax, views, test, name)
        if train is not None:
            _distribution(ax, train.of(name), floor, HISTOGRAM_SHARE * room)
        rank = found[name]["spearman"]
        letter(
            ax, text, "" if rank is None else f"rank correlation {rank:+.2f}".replace("-", "\u2212")
        )
        ax.set_xlabel(LABELS[name])
        ax.set_ylim(floor, highest + 0.06 * room)
        ax.grid(axis="y", color=FAINT, lw=0.5)
        ax.set_axisbelow(True)
    figure.supylabel(f"mean FRC, {band_words(limit)}", fontsize=7.5)
    return figure


def _points(ax: Axes, views: JudgedViews, test: Properties, name: str) -> None:
    colour = METHOD_COLOURS["cgan"]
    if name == "area_angstrom2":
        ax.plot(test.area_angstrom2, views.scores, "o", ms=2.2, mew=0, color=colour, alpha=0.5)
        return
    values = test.of(name)
    for structure in np.unique(views.structure):
        scores = views.of([int(structure)]).scores
        low, high = np.quantile(scores, (0.05, 0.95))
        x = values[structure]
        ax.plot([x, x], [low, high], color=colour, lw=0.8)
        ax.plot(x, scores.mean(), "o", ms=3.5, color=colour, mec=INK, mew=0.4)


def _distribution(ax: Axes, values: Numbers, floor: float, height: float) -> None:
    """Draw a histogram of the training set along the foot of a panel."""
    counts, edges = np.histogram(values, bins=min(12, max(4, len(values) // 3)))
    ax.bar(
        edges[:-1], height * counts / max(counts.max(), 1), np.diff(edges), bottom=floor,
        align="edge", color=CONTROL_GREYS[2], lw=0, zorder=0,
    )  # fmt: skip
