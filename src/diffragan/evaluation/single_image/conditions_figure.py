"""Resolution and score of every method against one condition of the experiment."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import column_figure, letter
from diffragan.evaluation.single_image.conditions import CONDITIONS, Case
from diffragan.evaluation.single_image.evaluations import COMPARED, MAIN, Scores
from diffragan.evaluation.single_image.looks import Look, looks, resolution_axis
from diffragan.evaluation.style import FAINT, INK

HEIGHT_INCHES = 4.2
NO_NOISE = 10.0
"""How many times the largest exposure lies what is drawn for none."""

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LONG = 10_000
"""From here on a power of ten is written as one: its zeros would run into each other."""


def conditions_figure(name: str, cases: Sequence[Case]) -> Captioned:
    """Draw a series: resolution above, score below.

    Parameters
    ----------
    name : Key of `CONDITIONS`.
    cases : In order.
    """
    figure = column_figure(HEIGHT_INCHES)
    upper, lower = figure.subplots(2, 1, sharex=True)
    known = looks(COMPARED)
    bounds: list[float] = []
    for method in COMPARED:
        found = _scored(cases, method)
        bounds += [scores["resolution_frc_0p5_angstrom"] for _, scores in found]
        bounds += [end for _, s in found for end in interval(s) if method == MAIN]
        draw_resolutions(upper, found, known[method], method)
        _score(lower, found, known[method])
    resolution_axis(upper, min(bounds), max(bounds))
    _condition_axis(lower, name, cases)
    for text, ax in (("a", upper), ("b", lower)):
        letter(ax, text)
        ax.grid(color=FAINT, lw=0.4)
        ax.set_axisbelow(True)
    upper.set_ylabel("FRC 0.5 at [Å]")
    lower.set_ylabel("score")
    handles, labels = upper.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, columnspacing=1.2)
    caption = (
        f"a: resolution of the mean FRC curve against {_short(name)}, finer is higher (bars: 95 % "
        f"of {MAIN} over resampled views; open triangles: below 0.5 from the first ring). b: "
        "score, the mean FRC of a view from 20 Å to the end of the pattern on its axes."
    )
    return Captioned(figure, caption, _alt(name, cases))


def places(cases: Sequence[Case]) -> dict[int, float]:
    """Return where each case lies on its axis; one without noise right of all others."""
    largest = max((case.value for case in cases if case.value is not None), default=1.0)
    return {
        index: NO_NOISE * largest if case.value is None else case.value
        for index, case in enumerate(cases)
    }


def _scored(cases: Sequence[Case], method: str) -> list[tuple[float, Scores]]:
    where = places(cases)
    every = ((where[i], case.evaluation.scores(method)) for i, case in enumerate(cases))
    return [(x, scores) for x, scores in every if scores is not None]


def draw_resolutions(
    ax: Axes, found: Sequence[tuple[float, Scores]], look: Look, name: str
) -> None:
    """Draw the resolutions of one method at some places, bounds as open triangles."""
    if not found:
        return
    x = np.array([x for x, _ in found])
    y = np.array([s["resolution_frc_0p5_angstrom"] for _, s in found])
    below = np.array([s["resolution_starts_below"] for _, s in found], dtype=bool)
    ax.plot(x, y, color=look.colour, ls=look.dashes)
    ax.plot(x[~below], y[~below], look.marker, ms=4, mew=0, color=look.colour)
    ax.plot(x[below], y[below], "v", ms=4.5, mfc="white", mec=look.colour)
    ax.plot([], [], color=look.colour, ls=look.dashes, marker=look.marker, ms=4, label=name)
    if name != MAIN:
        return
    for place, scores in found:
        ends = interval(scores)
        ax.plot([place] * len(ends), ends, color=look.colour, lw=0.9)


def interval(scores: Scores) -> Sequence[float]:
    """Return the ends of an interval; none of a curve that is below 0.5 from the first ring."""
    ends: Sequence[float] | None = scores["resolution_interval_angstrom"]
    return () if ends is None or scores["resolution_starts_below"] else ends


def _score(ax: Axes, found: Sequence[tuple[float, Scores]], look: Look) -> None:
    if found:
        y = [float(np.mean(s["score_per_view"])) for _, s in found]
        ax.plot(
            [x for x, _ in found], y, color=look.colour, ls=look.dashes, marker=look.marker,
            ms=4, mew=0,
        )  # fmt: skip


def _condition_axis(ax: Axes, name: str, cases: Sequence[Case]) -> None:
    where = places(cases)
    ax.set_xscale("log")
    words = ["no noise" if c.value is None else _power(c.value) for c in cases]
    ax.set_xticks(list(where.values()), words)
    ax.minorticks_off()
    ax.set_xlabel(CONDITIONS[name].words, color=INK)


def _power(value: float) -> str:
    power = round(math.log10(value))
    if value >= LONG and value == 10**power:
        return f"10{str(power).translate(SUPERSCRIPTS)}"
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _short(name: str) -> str:
    return CONDITIONS[name].words.split(" [")[0]


def _alt(name: str, cases: Sequence[Case]) -> str:
    scored = [case.evaluation.scores(MAIN) for case in cases]
    reached = (f"{s['resolution_frc_0p5_angstrom']:.2f} Å" for s in scored if s is not None)
    return f"Curves of all methods; {MAIN} by {_short(name)}, from the least: {', '.join(reached)}."
