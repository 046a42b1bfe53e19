"""How views spread by the noise and the defocus of their low-resolution image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffragan.evaluation.metrics import MeasuredLimit
from diffragan.evaluation.paper.column import (
    SEQUENCE,
    band_words,
    column_figure,
    legend_below,
    letter,
)
from diffragan.evaluation.paper.judged import BANDS_ANGSTROM, JudgedViews, Numbers, band_mean
from diffragan.evaluation.style import CONTROL_GREYS, FAINT, INK, MARKERS

HEIGHT_INCHES = 4.3
SPREAD = 0.72
"""Of the room of a signal-to-noise ratio, that its defoci take."""
COARSE = BANDS_ANGSTROM[0]


@dataclass(frozen=True, slots=True)
class Cell:
    """Views of one defocus and one signal-to-noise ratio."""

    defocus_angstrom: float
    snr: float
    doses_e_per_a2: Numbers
    """`(view,)`, of the low-resolution image."""
    views: JudgedViews
    image_alone: JudgedViews

    def summary(self) -> dict[str, Any]:
        """Describe the views in plain numbers."""
        return {
            "defocus_angstrom": self.defocus_angstrom,
            "snr": self.snr,
            "dose_e_per_a2_quartiles": np.quantile(self.doses_e_per_a2, (0.25, 0.5, 0.75)).tolist(),
            "score_quantiles": np.quantile(
                self.views.scores, (0.05, 0.25, 0.5, 0.75, 0.95)
            ).tolist(),
            **self.views.summary(),
            "image_alone": self.image_alone.summary(),
        }


def draw_dose_defocus(cells: Sequence[Cell], limit: MeasuredLimit) -> Figure:
    """Draw the mean FRC of views, over all rings and over those the image has, cell by cell."""
    figure = column_figure(HEIGHT_INCHES)
    upper, lower = figure.subplots(2, 1, sharex=True)

    def whole(views: JudgedViews) -> Numbers:
        return views.scores

    def coarse(views: JudgedViews) -> Numbers:
        return band_mean(views.curves, limit, COARSE)

    for ax, score, words in (
        (upper, whole, band_words(limit)),
        (lower, coarse, f"{COARSE[0]:g} to {COARSE[1]:g} Å"),
    ):
        _panel(ax, cells, score)
        ax.set_ylabel(f"mean FRC of a view,\n{words}")
    snrs = sorted({cell.snr for cell in cells})
    labels = [f"{snr:g}\n{_doses(cells, snr)}" for snr in snrs]
    lower.set_xticks(range(len(snrs)), labels)
    lower.set_xlabel("signal-to-noise ratio of the low-resolution image\n(its dose [e/Å²])")
    letter(upper, "a")
    letter(lower, "b")
    legend_below(figure, upper, 2, "defocus of the low-resolution image")
    return figure


def _doses(cells: Sequence[Cell], snr: float) -> str:
    medians = [float(np.median(cell.doses_e_per_a2)) for cell in cells if cell.snr == snr]
    low, high = round(min(medians)), round(max(medians))
    return f"({low:,})" if low == high else f"({low:,}–{high:,})"


def _panel(ax: Axes, cells: Sequence[Cell], score: Callable[[JudgedViews], Numbers]) -> None:
    snrs = sorted({cell.snr for cell in cells})
    defoci = sorted({cell.defocus_angstrom for cell in cells})
    step = SPREAD / len(defoci)
    generator = np.random.default_rng(0)
    for cell in cells:
        which = defoci.index(cell.defocus_angstrom)
        x = snrs.index(cell.snr) + (which - (len(defoci) - 1) / 2) * step
        colour = SEQUENCE[which % len(SEQUENCE)]
        values = score(cell.views)
        low, quarter, median, three, high = np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))
        first = cell.snr == snrs[0]
        # Views fail or succeed, which quartiles alone hide.
        across = x + generator.uniform(-0.3, 0.3, len(values)) * step
        ax.plot(across, values, ".", color=colour, ms=2.6, mew=0, alpha=0.8)
        ax.plot([x, x], [low, high], color=colour, lw=0.6, alpha=0.5)
        ax.plot([x, x], [quarter, three], color=colour, lw=5, alpha=0.3, solid_capstyle="butt")
        ax.plot(
            x, median, MARKERS[which % len(MARKERS)], color="white", mec=INK, mew=0.6, ms=3.4,
            zorder=3,
        )  # fmt: skip
        if first:
            ax.plot(
                [], [], color=colour, lw=2, marker=MARKERS[which % len(MARKERS)], mfc="white",
                mec=INK, mew=0.6, ms=3.4, label=f"{cell.defocus_angstrom:,.0f} Å",
            )  # fmt: skip
        alone = float(np.median(score(cell.image_alone)))
        label = "image alone, median" if first and which == len(defoci) - 1 else None
        half = 0.45 * step
        ax.plot(
            [x - half, x + half], [alone, alone], color=CONTROL_GREYS[0], lw=1.0, zorder=4,
            label=label,
        )  # fmt: skip
    ax.set_ylim(min(0.0, ax.get_ylim()[0]), 1.02)
    ax.set_xlim(-0.5, len(snrs) - 0.5)
    ax.grid(axis="y", color=FAINT, lw=0.5)
    ax.set_axisbelow(True)
    ax.tick_params(axis="x", length=0)
