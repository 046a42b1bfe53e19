"""Resolution and free reflections against the electrons of all patterns together."""

from collections.abc import Sequence
from math import ceil, floor, log10

from matplotlib.axes import Axes

from diffragan.evaluation.many_views.looks import look, marker, short
from diffragan.evaluation.many_views.simulated import Simulated
from diffragan.evaluation.many_views.wording import reached
from diffragan.evaluation.paper.captioned import Captioned
from diffragan.evaluation.paper.column import letter
from diffragan.evaluation.single_image.conditions_figure import SUPERSCRIPTS
from diffragan.evaluation.single_image.looks import page_figure, resolution_axis
from diffragan.evaluation.style import FAINT, MUTED

HEIGHT_INCHES = 3.3
ROOM = 1.3
"""Left of the first power of ten and right of the last, as a factor."""


def exposure_figure(runs: Sequence[Simulated]) -> Captioned:
    """Draw runs with noise, one series for each molecule, in the order of their exposure."""
    counted = [run for run in runs if run.exposure is not None]
    figure = page_figure(HEIGHT_INCHES)
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(run.molecule for run in counted))
    shown: list[float] = []
    for place, name in enumerate(names):
        series = sorted((r for r in counted if r.molecule == name), key=_exposure)
        shown += _resolutions(left, series, place)
        right.plot(
            [_exposure(r) for r in series], [r.run["r_free"] for r in series], marker(place),
            ms=4, mew=0, **look(place),
        )  # fmt: skip
        mass = series[0].run["mass_kda"]
        left.plot(
            [], [], marker(place), ms=4, label=f"{short(name)}, {mass:.1f} kDa", **look(place)
        )
    resolution_axis(left, min(shown), max(shown))
    left.set_ylabel("resolution [Å]")
    right.set_ylabel("R-free")
    right.set_ylim(0, 1.1 * max(run.run["r_free"] for run in counted))
    for text, ax in (("a", left), ("b", right)):
        _powers_of_ten(ax, [_exposure(run) for run in counted])
        ax.set_xlabel("exposure of all patterns together [e/Å²]")
        letter(ax, text)
        ax.grid(color=FAINT, lw=0.4)
        ax.set_axisbelow(True)
    for fill, words in ((MUTED, "with the truth, FSC 0.5"), ("white", "half maps, FSC 0.143")):
        left.plot([], [], "o", ms=4, mfc=fill, mec=MUTED, label=words)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    caption = (
        "Counted patterns at true orientations, against the number of patterns times the exposure "
        "of each. a: resolution with the true potential (filled), and as the half maps claim it "
        "(open); finer is higher, and points with an upright line reach the end of the data. "
        "b: R-factor of reflections that phasing never saw."
    )
    told = "; ".join(
        f"{r.molecule} at {r.exposure:,.0f} e/Å² {reached(r.resolution, r.end_angstrom)}"
        for r in sorted(counted, key=lambda r: (r.molecule, _exposure(r)))
    )
    return Captioned(figure, caption, f"Resolution against exposure: {told}.")


def _exposure(run: Simulated) -> float:
    assert run.exposure is not None
    return run.exposure


def _powers_of_ten(ax: Axes, exposures: Sequence[float]) -> None:
    """Label a logarithmic axis in plain text, which the style of all figures asks for."""
    first, last = floor(log10(min(exposures))), ceil(log10(max(exposures)))
    powers = range(first, last + 1)
    ax.set_xscale("log")
    ax.set_xlim(10.0**first / ROOM, 10.0**last * ROOM)
    ax.set_xticks(
        [10.0**power for power in powers],
        [f"10{str(power).translate(SUPERSCRIPTS)}" for power in powers],
    )
    ax.minorticks_off()


def _resolutions(ax: Axes, series: Sequence[Simulated], place: int) -> list[float]:
    """Draw what the truth and what the halves say; return the resolutions drawn [Å]."""
    x = [_exposure(run) for run in series]
    drawn: list[float] = []
    colour = look(place)["color"]
    for fill, values in (
        (colour, [run.resolution for run in series]),
        ("white", [run.claimed for run in series]),
    ):
        y = [value or run.end_angstrom for value, run in zip(values, series, strict=True)]
        line = look(place) | ({"lw": 0.8, "alpha": 0.7} if fill == "white" else {})
        ax.plot(x, y, **line)
        ax.plot(x, y, marker(place), ms=4.5, mfc=fill, mec=colour, mew=0.9)
        for at, value, end in zip(x, values, y, strict=True):
            if value is None:
                ax.plot([at, at], [end, end / 1.05], color=colour, lw=0.9)
        drawn += y
    return drawn
