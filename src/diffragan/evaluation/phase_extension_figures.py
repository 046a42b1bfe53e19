"""Figures of a map by phase extension: its growth, R-factors, phases, and what was measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from diffragan.evaluation.curves import angstrom_axis
from diffragan.evaluation.figures import Drawn, save
from diffragan.evaluation.sections import BAR_ANGSTROM, VISIBLE_SHARE
from diffragan.evaluation.style import FAINT, INK, MUTED
from diffragan.io.files import read_json
from diffragan.io.mrc import read_mrc

FACTORS, PRTF, GROWTH = "r_factors.json", "prtf.json", "growth.mrcs"
LEFT_OUT = "left_out.json"
LOOKS = {"map": ("#0072B2", "all patterns"), "half1": ("#009E73", "first half"),
         "half2": ("#D55E00", "second half")}  # fmt: skip
LABEL_ROOM = 0.09
"""Of an axis, that a label takes."""
ROOM = 1.3
"""Around the density, over its own width."""
PANELS = 6
"""Of the growing map: the start, stages on the way, and the end."""


def draw_phase_extension(place: Path, fsc: Mapping[str, Any], folder: Path) -> list[Drawn]:
    """Draw what phase extension left in a folder; nothing for other reconstructions.

    Parameters
    ----------
    place : Folder of the reconstruction.
    fsc : Its `fsc.json`.
    folder : Where figures go.

    Raises
    ------
    InputError : A file is missing or damaged.
    """
    if not (place / FACTORS).exists():
        return []
    factors, prtf = read_json(place / FACTORS), read_json(place / PRTF)
    last = factors["map"][0]["cycles"][factors["map"][0]["chosen"]]
    drawn = [
        save(
            draw_r_factors(factors),
            folder / "r_factors",
            "R-factors of the map and its halves: dashed, of the reflections that phasing used; "
            "whole lines, of the free ones that it never saw. Left, cycle by cycle while the limit "
            "of the data is raised; right, of the final maps, shell by shell.",
            f"R-work ends at {last['r_work']:.3f} and R-free at {last['r_free']:.3f}.",
        )
    ]
    if (place / GROWTH).exists():
        sections, pixel, _ = read_mrc(place / GROWTH)
        drawn.append(
            save(
                draw_growth(sections, pixel, factors["growth"]),
                folder / "growth",
                "A slab of 3 Å through the middle of the map, from the coarse start to the end of "
                "the data, with the resolution of the data in force.",
                "Slabs that become sharper from left to right.",
            )
        )
    shells = (fsc.get("coverage") or {}).get("shells")
    if prtf["prtf"] or shells:
        drawn.append(
            save(
                draw_phases_and_coverage(prtf, shells),
                folder / "coverage",
                "Left, how far the phases of different starts agree (phase retrieval transfer "
                "function; the dotted line is what random phases give). Right, the share of each "
                "shell's samples that any pattern measured, and how many pixels came to a sample.",
                f"Agreement of {prtf['starts']} starts, and coverage, shell by shell.",
            )
        )
    return drawn


def phases_words(place: Path, fsc: Mapping[str, Any]) -> str:
    """Say what phase extension started from and used; nothing of other reconstructions."""
    if not (place / FACTORS).exists() or "start" not in fsc:
        return ""
    start, out = fsc["start"], len(read_json(place / LEFT_OUT))
    end, sizes = 1 / fsc["limit_per_angstrom"], fsc["half_set_sizes"]
    words = [
        f"Phases were extended from {start['resolution_angstrom']:.2f} Å (start: "
        f"{start['source']}) to {end:.2f} Å, by {sum(sizes)} patterns",
        f", {out} more were left out. " if out else ". ",
    ]
    if start["halves_share_it"]:
        words.append("The halves share their start, so they tell nothing coarser than it. ")
    if fsc["start_fits"]:
        words.append("The patterns fit the start.")
    else:
        words.append("The patterns do not fit the start: do not trust this map.")
    return "".join(words)


def draw_r_factors(factors: Mapping[str, Any]) -> Figure:
    """Draw R-factors against iteration and against resolution."""
    figure = Figure(figsize=(7.2, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    frequency = np.asarray(factors["frequency_per_angstrom"], dtype=float)
    end = factors["map"][0]["cycles"][-1]["limit_per_angstrom"]
    for name, (colour, label) in LOOKS.items():
        run = factors[name][0]
        iteration = [cycle["iteration"] for cycle in run["cycles"]]
        for kind, dash in (("work", (0, (3, 1.5))), ("free", "-")):
            values = [cycle[f"r_{kind}"] for cycle in run["cycles"]]
            named = label if kind == "free" else None
            left.plot(iteration, values, color=colour, ls=dash, label=named)
            curve = _numbers(run[f"{kind}_by_shell"])
            shown = (frequency > 0) & (frequency <= end)
            right.plot(frequency[shown], curve[shown], color=colour, ls=dash, lw=1.3)
        chosen = run["cycles"][run["chosen"]]
        left.plot(chosen["iteration"], chosen["r_free"], "o", color=colour, ms=4.5)
    last = max(factors[name][0]["cycles"][-1]["iteration"] for name in LOOKS)
    _mark_limits(left, factors["map"][0]["cycles"], last * 1.04)
    left.set(xlabel="iteration", ylabel="R-factor", ylim=(0, None))
    right.set(xlabel="spatial frequency [1/Å]", xlim=(0, end))
    angstrom_axis(right, end)
    for label, dash in (("free", "-"), ("work", (0, (3, 1.5)))):
        left.plot([], [], color=MUTED, ls=dash, label=label)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _mark_limits(ax: Axes, cycles: list[Mapping[str, Any]], last: float) -> None:
    """Say above the axes how far the data in force reach."""
    seen: dict[float, int] = {}
    for cycle in cycles:
        seen.setdefault(cycle["limit_per_angstrom"], cycle["iteration"])
    for iteration in seen.values():
        ax.axvline(iteration, color=FAINT, lw=0.7, zorder=0)
    top = ax.twiny()
    for axes in (ax, top):
        axes.set_xlim(0, last)
    places = list(seen.values())
    labels = [f"{1 / limit:.2g}" for limit in seen]
    room = LABEL_ROOM * last
    for number in range(1, len(places) - 1):  # the end of the data is always named
        before = max(p for p, label in zip(places[:number], labels, strict=False) if label)
        if places[number] - before < room or places[-1] - places[number] < room:
            labels[number] = ""
    top.set_xticks(places, labels)
    top.set_xlabel("resolution of the data in force [Å]")
    top.spines["top"].set_visible(True)


def draw_growth(
    sections: NDArray[np.float32],
    pixel_angstrom: float,
    rows: list[Mapping[str, float]],
) -> Figure:
    """Draw sections of the growing map, of one grey scale each."""
    shown = _stages(rows)
    figure = Figure(figsize=(7.2, 7.2 / len(shown) + 0.45), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    middle = sections.shape[-1] // 2
    half = _half_width(sections[-1])
    part = slice(middle - half, middle + half)
    for ax, place in zip(panels, shown, strict=True):
        picture = sections[place][part, part]
        low, high = np.percentile(picture, [2, 99.7])
        ax.imshow(picture, cmap="gray_r", origin="lower", vmin=low, vmax=high,
                  interpolation="bicubic")  # fmt: skip
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        row = rows[place]
        ends = {0: "start", len(rows) - 1: "end"}
        words = ends.get(place, f"iteration {row['iteration']:.0f}")
        ax.set_title(f"{words}\n{1 / row['limit_per_angstrom']:.2f} Å")
    length = BAR_ANGSTROM / pixel_angstrom
    panels[0].plot([half * 0.1, half * 0.1 + length], [half * 0.1] * 2, color=INK, lw=1.8)
    panels[0].text(half * 0.1 + length / 2, half * 0.16, "1 nm", ha="center", va="bottom",
                   fontsize=8)  # fmt: skip
    return figure


def _stages(rows: list[Mapping[str, float]]) -> list[int]:
    """Choose the start, the first cycle of every limit but the last, and the end."""
    first: dict[float, int] = {}
    for place, row in enumerate(rows):
        first.setdefault(row["limit_per_angstrom"], place)
    places = sorted({0, *list(first.values())[:-1], len(rows) - 1})
    while len(places) > PANELS:
        places.pop(len(places) // 2)
    return places


def _half_width(section: NDArray[np.float32]) -> int:
    """Find half the side of the central square [pixels] that holds the density."""
    middle = len(section) // 2
    seen = np.argwhere(section > VISIBLE_SHARE * section.max())
    reach = np.percentile(np.abs(seen - middle).max(axis=1), 99) if len(seen) else middle
    return int(min(middle, ROOM * reach + 1))


def draw_phases_and_coverage(prtf: Mapping[str, Any], shells: Mapping[str, Any] | None) -> Figure:
    """Draw the agreement of several starts, and how often each shell was measured."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    end = float(shells["frequency_per_angstrom"][-1]) if shells else None
    if prtf["prtf"]:
        frequency = np.asarray(prtf["frequency_per_angstrom"], dtype=float)
        end = end or float(frequency[-1])
        shown = (frequency > 0) & (frequency <= end)
        left.plot(frequency[shown], _numbers(prtf["prtf"])[shown], color=LOOKS["map"][0])
        left.axhline(prtf["starts"] ** -0.5, color=MUTED, lw=0.8, ls=":")
        left.set(ylim=(0, 1.03), ylabel="phase retrieval transfer function")
    else:
        left.text(0.5, 0.5, "one start alone", ha="center", va="center", transform=left.transAxes)
    if shells:
        frequency = np.asarray(shells["frequency_per_angstrom"], dtype=float)
        right.plot(frequency[1:], shells["share"][1:], color=LOOKS["half1"][0])
        right.set(ylim=(0, 1.03))
        right.set_ylabel("share measured", color=LOOKS["half1"][0])
        often = right.twinx()
        often.plot(frequency[1:], shells["pixels_per_sample"][1:], color=LOOKS["half2"][0])
        often.set_yscale("log")
        # Labels are plain text, so no powers of ten.
        often.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        often.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        often.yaxis.set_minor_locator(NullLocator())
        often.set_ylabel("pixels per sample", color=LOOKS["half2"][0])
        often.spines["right"].set_visible(True)
    for ax in (left, right):
        ax.set(xlabel="spatial frequency [1/Å]", xlim=(0, end))
        angstrom_axis(ax, end or 1.0)
    return figure


def _numbers(values: list[float | None]) -> NDArray[np.float64]:
    """Shells without a value have none in the picture either."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
