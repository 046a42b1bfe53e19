"""How a model lies in a map, along its chain and outwards from its centre."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from diffragan.evaluation.style import FAINT, INK

Q_COLOUR, CORRELATION_COLOUR, DENSITY_COLOUR = "#0072B2", "#D55E00", "#009E73"
WINDOW = 5
"""Residues over which the curves along the chain are smoothed; the points are single ones."""

Numbers = NDArray[np.float64]


def draw_residues(record: Mapping[str, Any]) -> Figure:
    """Draw Q-score and correlation of every residue along the chains."""
    residues = record["residues"]
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    starts, ticks = chain_starts(residues["label"])
    for ax, key, label, colour, mean in (
        (upper, "q_score", "Q-score", Q_COLOUR, record["q_score"]["mean"]),
        (lower, "correlation", "map-model correlation", CORRELATION_COLOUR,
         record["residue_correlation"]["mean"]),
    ):  # fmt: skip
        values = numbers(residues[key])
        place = np.arange(len(values))
        ax.plot(place, values, ".", color=colour, ms=4.5, alpha=0.6, mew=0)
        for start, end in zip(starts, [*starts[1:], len(values)], strict=True):
            ax.plot(place[start:end], smoothed(values[start:end]), color=colour, lw=1.4)
        ax.axhline(mean, color=INK, lw=0.8, ls=":")
        ax.annotate(
            f"mean {mean:.2f}", (1, mean), xycoords=("axes fraction", "data"), xytext=(-2, 2),
            textcoords="offset points", ha="right", va="bottom", fontsize=8,
            bbox={"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 1},
        )  # fmt: skip
        ax.set(ylabel=label, ylim=(min(0.0, float(np.nanmin(values)) - 0.05), 1.03))
        ax.grid(axis="y", color=FAINT, lw=0.6)
        for start in starts[1:]:
            ax.axvline(start - 0.5, color=INK, lw=0.8)
    lower.set_xlim(-1, len(residues["label"]))
    lower.set_xticks([at for at, _ in ticks], [words for _, words in ticks])
    lower.set_xlabel("residue")
    return figure


def draw_periphery(record: Mapping[str, Any]) -> Figure:
    """Draw correlation and density of residues against their distance from the centre."""
    residues, fit = record["residues"], record["residue_correlation"]
    distance = numbers(residues["distance_angstrom"])
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax, key, means, label, colour in (
        (left, "correlation", "mean_at_distance", "map-model correlation", CORRELATION_COLOUR),
        (right, "density_sigmas", "sigmas_at_distance", "density [σ above the mean]",
         DENSITY_COLOUR),
    ):  # fmt: skip
        values = numbers(residues[key])
        ax.plot(distance, values, ".", color=colour, ms=5, alpha=0.5, mew=0)
        ax.plot(fit["distance_angstrom"], fit[means], color=colour, lw=2)
        _from_zero(ax, values)
        ax.set(xlabel="distance from the centre [Å]", ylabel=label, xlim=(0, None))
        ax.grid(axis="y", color=FAINT, lw=0.6)
    return figure


def _from_zero(ax: Axes, values: Numbers) -> None:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    ax.set_ylim(min(0.0, low - 0.05 * (high - low)), high + 0.05 * (high - min(0.0, low)))


def chain_starts(labels: list[str]) -> tuple[list[int], list[tuple[int, str]]]:
    """Where chains begin, and some places with their residues' numbers for an axis."""
    chains = [label.split()[0] if len(label.split()) > 2 else "" for label in labels]
    starts = [at for at in range(len(labels)) if at == 0 or chains[at] != chains[at - 1]]
    step = next(
        s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**6) if len(labels) / s < 12
    )
    ticks = []
    for at, label in enumerate(labels):
        number = label.split()[-1]
        if number.lstrip("-").isdigit() and int(number) % step == 0:
            ticks.append((at, f"{chains[at]} {number}" if len(starts) > 1 else number))
    return starts, ticks


def smoothed(values: Numbers, window: int = WINDOW) -> Numbers:
    """Mean of the known neighbours along a chain, of fewer at its ends."""
    known = np.isfinite(values).astype(float)
    weights = np.ones(min(window, len(values)))
    sums = np.convolve(np.nan_to_num(values), weights, mode="same")
    counts = np.convolve(known, weights, mode="same")
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def numbers(values: list[float | None]) -> Numbers:
    """Return an array in which what is not known (`null` in the file) is not a number."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
