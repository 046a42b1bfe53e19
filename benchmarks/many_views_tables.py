"""Tables and sentences of docs/results/many-views.md as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from paper_tables import table

from diffragan.evaluation.many_views.merging_figure import MERGED
from diffragan.evaluation.many_views.orientation_errors import FAR_DEGREES, Errors, Oriented
from diffragan.evaluation.many_views.robustness import FAULTS, UNHARMED, Robustness
from diffragan.evaluation.many_views.runs import HALVES_LEVEL, Run
from diffragan.evaluation.many_views.simulated import NONE as NO_START
from diffragan.evaluation.many_views.simulated import Simulated
from diffragan.evaluation.many_views.wording import claimed_over_true, foretold_words, reached
from diffragan.evaluation.single_image.evaluations import Evaluation, Scores
from diffragan.evaluation.wording import resolution_of
from diffragan.reconstruction.many_views.structure import LEAST_GAIN

NONE = "-"
SHOWN_ANGSTROM = (3, 2, 1.75)
RINGS_ANGSTROM = (1.25, 1.0, 0.92, 0.90)
AIM, AIM_ANGSTROM = 0.9, 2.0
"""FSC with the truth that exact patterns are to reach in every shell to this resolution."""
MOST_BYTES = 6e9
HALVES = f"half maps, FSC {HALVES_LEVEL}"


def number(value: float | None, form: str = ".2f") -> str:
    return NONE if value is None else format(value, form)


def of_exact(runs: Sequence[Run]) -> str:
    """Return maps from exact patterns, and how many reach what they should."""
    known = [(run, run.truth) for run in runs if run.truth is not None]
    ends = sum(curve.lowest() > 0.5 for _, curve in known)
    fine = sum(curve.lowest(AIM_ANGSTROM) > AIM for _, curve in known)
    words = (
        f"Of {len(known)} maps {ends} have an FSC with the truth above 0.5 in every shell to the "
        f"end of the data, and {fine} above {AIM:g} in every shell to {AIM_ANGSTROM:g} Å. "
        f"{halves_words([run for run, _ in known])}"
    )
    rows = []
    for run in runs:
        curve = run.truth
        at = [NONE if curve is None else number(curve.at(d)) for d in SHOWN_ANGSTROM]
        rows.append((
            run.molecule, f"{run.mass_kda:.1f}", f"{run.views:,}", f"{run.pixels}³",
            f"{run.end_angstrom:.2f} Å",
            NONE if curve is None else reached(run.resolution, run.end_angstrom), *at,
            NONE if curve is None else number(curve.lowest()),
            number(run.r_factors["r_work"], ".3f"), number(run.r_factors["r_free"], ".3f"),
            reached(run.claimed, run.end_angstrom),
            NONE if run.cost is None else f"{run.cost.cpu_s:,.0f}",
        ))  # fmt: skip
    heads = (
        "protein", "mass [kDa]", "views", "grid", "end of data", "FSC 0.5 with the truth",
        *(f"FSC at {d:g} Å" for d in SHOWN_ANGSTROM), "lowest shell", "R-work", "R-free", HALVES,
        "CPU s",
    )  # fmt: skip
    return f"{words}\n\n{table(heads, rows)}"


def halves_words(runs: Sequence[Run | Simulated]) -> str:
    return foretold_words(
        [claimed_over_true(r.claimed, r.resolution, r.end_angstrom) for r in runs]
    )


def of_counted(runs: Sequence[Simulated]) -> str:
    """Return patterns times dose against resolution, beside what is claimed without the truth."""
    rows = []
    for one in ordered(runs):
        ratio = claimed_over_true(one.claimed, one.resolution, one.end_angstrom)
        rows.append((
            one.molecule, f"{one.run['mass_kda']:.1f}", f"{one.patterns:,}",
            "no noise" if one.dose is None else f"{one.dose:,g}",
            NONE if one.exposure is None else f"{one.exposure:,.0f}", f"{one.run['views']:,}",
            f"{one.end_angstrom:.2f} Å", reached(one.resolution, one.end_angstrom),
            reached(one.claimed, one.end_angstrom), f"{ratio:.2f}",
            *(number(one.at(d)) for d in SHOWN_ANGSTROM), number(one.run["r_work"], ".3f"),
            number(one.run["r_free"], ".3f"), number(one.run["free_gain"], ".3f"),
            f"{one.run['cpu_s']['all']:,.0f}",
        ))  # fmt: skip
    heads = (
        "protein", "mass [kDa]", "patterns", "dose of each [e/Å²]", "all together [e/Å²]",
        "added up in views", "end of data", "FSC 0.5 with the truth", HALVES, "claimed over true",
        *(f"FSC at {d:g} Å" for d in SHOWN_ANGSTROM), "R-work", "R-free", "free gain", "CPU s",
    )  # fmt: skip
    return f"{halves_words(runs)}\n\n{table(heads, rows)}"


def ordered(runs: Iterable[Simulated]) -> list[Simulated]:
    """Sort by molecule, lightest first, then by electrons; those without noise come last."""
    return sorted(
        runs,
        key=lambda one: (
            one.run["mass_kda"], one.molecule,
            np.inf if one.exposure is None else one.exposure, one.patterns,
        ),
    )  # fmt: skip


def of_unknown(found: Sequence[Oriented]) -> str:
    """Return errors of orientations before and after refinement, and the maps."""
    rows = []
    for one in found:
        run = one.run
        rows.append((
            run.molecule, f"{run.mass_kda:.1f}", f"{run.views:,}",
            exposure_words(one), number(one.snr, "g"), run.settings["poses"],
            error_words(one.before),
            number(one.expected_median_degrees), error_words(one.after),
            NONE if one.after is None else f"{100 * one.after.far:.0f} %",
            f"{run.end_angstrom:.2f} Å",
            NONE if run.truth is None else reached(run.resolution, run.end_angstrom),
            reached(run.claimed, run.end_angstrom), number(run.r_factors["r_free"], ".3f"),
            NONE if run.cost is None else f"{run.cost.cpu_s:,.0f}",
        ))  # fmt: skip
    heads = (
        "protein", "mass [kDa]", "patterns", "dose of each [e/Å²]", "SNR of the images", "poses",
        "error before: median, rms [°]", "median foretold by the images [°]",
        "error after: median, rms [°]", f"farther than {FAR_DEGREES:g}°", "end of data",
        "FSC 0.5 with the truth", HALVES, "R-free", "CPU s",
    )  # fmt: skip
    told = [one.run for one in found if one.run.truth is not None]
    words = f"{halves_words(told)}\n\n" if told else ""
    return f"{words}{table(heads, rows)}"


def exposure_words(one: Oriented) -> str:
    if one.dose is None:
        return NONE if one.after is None else "no noise"
    return f"{one.dose:,g} ({one.dose * one.run.views:,.0f} in all)"


def error_words(errors: Errors | None) -> str:
    return NONE if errors is None else f"{errors.median:.2f}, {errors.rms:.2f}"


def of_turned(runs: Sequence[Simulated]) -> str:
    """Return what becomes of orientations that were made wrong by a known angle."""
    rows = []
    for one in sorted(runs, key=lambda one: (one.run["mass_kda"], one.turned_degrees)):
        degrees = one.run["orientation_degrees"]
        told = [
            f"{degrees[key]['median']:.2f}, {degrees[key]['rms']:.2f}"
            for key in ("before", "after")
        ]
        rows.append((
            one.molecule, f"{one.run['mass_kda']:.1f}", f"{one.patterns:,}",
            "no noise" if one.dose is None else f"{one.dose:,g}", f"{one.run['views']:,}", *told,
            f"{one.end_angstrom:.2f} Å", reached(one.resolution, one.end_angstrom),
            reached(one.claimed, one.end_angstrom), number(one.run["r_free"], ".3f"),
            f"{one.run['cpu_s']['all']:,.0f}",
        ))  # fmt: skip
    heads = (
        "protein", "mass [kDa]", "patterns", "dose of each [e/Å²]", "added up in views",
        "error before: median, rms [°]", "error after: median, rms [°]", "end of data",
        "FSC 0.5 with the truth", HALVES, "R-free", "CPU s",
    )  # fmt: skip
    return table(heads, rows)


def of_control(runs: Sequence[Simulated]) -> str:
    """Return how the right coarse map and that of another protein fared with the same patterns."""
    rows, right = [], {"right": 0, "wrong": 0}
    for one in ordered(runs):
        for which in right:
            told = one.run[f"control_{which}"]
            right[which] += told["fits"] == (which == "right")
            noise = "none" if one.dose is None else f"{one.patterns:,} x {one.dose:,g}"
            rows.append((
                one.molecule, noise, "its own" if which == "right" else "of another protein",
                f"{told['alike']:.2f}", f"{told['kept']:.2f}", number(told["r_free"], ".3f"),
                "yes" if told["fits"] else "no",
            ))  # fmt: skip
    heads = (
        "patterns of", "noise of patterns x dose [e/Å²]", "coarse map", "correlation of moduli",
        "correlation kept", "R-free", "said to fit",
    )  # fmt: skip
    words = (
        f"The right start is said to fit in {right['right']} of {len(runs)}, and the one of "
        f"another protein is told in {right['wrong']} of {len(runs)}."
    )
    return f"{words}\n\n{table(heads, rows)}"


def of_noise(runs: Sequence[Simulated]) -> str:
    """Return what maps of patterns without a molecule say of themselves."""
    rows = [
        (
            one.molecule, f"{one.patterns:,} x {one.dose:,g}",
            number(one.run["noise"]["r_free"], ".3f"),
            number(one.run["noise"]["r_free_by_chance"], ".3f"),
            number(one.run["noise"]["free_gain"], ".3f"),
            "yes" if one.run["noise"]["found"] else "no",
            "yes" if one.run["noise"]["start_fits"] else "no",
            reached(one.claimed, one.end_angstrom),
            reached(one.resolution, one.end_angstrom),
        )
        for one in runs
    ]  # fmt: skip
    heads = (
        "poses and start of", "patterns x dose [e/Å²]", "R-free", "R-free by chance", "free gain",
        "structure found", "start said to fit", HALVES, "FSC 0.5 with the start's molecule",
    )  # fmt: skip
    return table(heads, rows)


def of_robustness(found: Robustness) -> str:
    """Return what each error did to the map, and what was done against it."""
    end = 1 / float(found.arguments["limit"])
    whole = [run for run in found.runs if run["curve"] == UNHARMED]
    rows = [_of_fault(UNHARMED, NONE, run, end) for run in whole]
    for name, fault in FAULTS.items():
        for curve in (name, fault.variant):
            words = fault.words if curve == name else f"{fault.words}, {fault.variant_words}"
            for run in found.runs:
                if run["curve"] == curve:
                    size = f"{fault.axis.split(' [')[0]} {fault.scale * run['size']:g}"
                    unit = fault.axis.split("[")[1].rstrip("]")
                    rows.append(_of_fault(words, f"{size} {unit}", run, end))
    heads = (
        "error", "size", "FSC 0.5 with the truth", HALVES, "claimed over true",
        *(f"FSC at {d:g} Å" for d in SHOWN_ANGSTROM), "R-work", "R-free", "free gain",
        "what was noticed",
    )  # fmt: skip
    told = (
        f"{found.molecule}, {found.mass_kda:.1f} kDa: "
        f"{int(found.arguments['patterns']):,} patterns of {float(found.arguments['dose']):g} "
        f"e/Å², added up in {found.arguments['views']} views; data end at {end:.2f} Å."
    )
    return f"{told}\n\n{table(heads, rows)}"


def _of_fault(words: str, size: str, run: Mapping[str, Any], end: float) -> tuple[str, ...]:
    true, claimed = run["fsc_truth_0p5_angstrom"], run["fsc_halves_0p143_angstrom"]
    noticed = []
    if run["free_gain"] <= LEAST_GAIN:
        noticed.append("free reflections show no structure")
    if "strangers_found" in run:
        noticed.append(
            f"{100 * run['strangers_found']:.0f} % of the strangers left out, and "
            f"{100 * run['own_lost']:.1f} % of the others"
        )
    elif "orientation_degrees" in run:
        before, after = (run["orientation_degrees"][key]["median"] for key in ("before", "after"))
        noticed.append(f"median error {before:.2f} to {after:.2f}°")
    elif "start_angstrom" in run:
        noticed.append(f"images' halves part at {run['start_angstrom']:.1f} Å")
    return (
        words, size, reached(true, end), reached(claimed, end),
        f"{claimed_over_true(claimed, true, end):.2f}",
        *(number(run["fsc_truth_at_angstrom"].get(f"{d:g}")) for d in SHOWN_ANGSTROM),
        number(run["r_work"], ".3f"), number(run["r_free"], ".3f"),
        number(run["free_gain"], ".3f"), "; ".join(noticed) or NONE,
    )  # fmt: skip


def of_phasers(evaluation: Evaluation, scores: Mapping[str, Scores]) -> str:
    """Return each method's resolution, and its mean FRC at rings near the end of the patterns."""
    rows = []
    for name, found in scores.items():
        mean = float(np.mean(found["score_per_view"]))
        rows.append((
            name, str(found["views"]), resolution_of(found), resolution_of(found, "measured_"),
            f"{mean:.3f}", *(number(ring(found, d)) for d in RINGS_ANGSTROM),
            f"{found['frc_mean'][-1]:.2f}", number(found["r_factor_mean"], ".3f"),
        ))  # fmt: skip
    last = 1 / next(iter(scores.values()))["frequency_per_angstrom"][-1]
    heads = (
        "method", "views", "FRC 0.5 at", "measured alone", "mean FRC",
        *(f"FRC at {d:.2f} Å" for d in RINGS_ANGSTROM), f"last ring, {last:.2f} Å", "R-factor",
    )  # fmt: skip
    data = evaluation.metrics["data"]
    dose = data["experiment"]["detector"]["exposure_e_per_a2"]
    named = ", ".join(f"{m['name']} ({m['mass_kda']:.1f} kDa)" for m in data["molecules"])
    counts = "noise-free patterns" if dose is None else f"patterns of {dose:,g} e/Å²"
    box = data["experiment"]["box_angstrom"]
    words = f"{named}: {data['views']:,} views, {counts}, box {box:g} Å, preset {data['preset']}."
    return f"{words}\n\n{table(heads, rows)}"


def ring(scores: Scores, angstrom: float) -> float | None:
    """Mean FRC of the ring nearest to a resolution; none if no ring is that fine."""
    frequency = np.asarray(scores["frequency_per_angstrom"])
    wanted, step = 1 / angstrom, frequency[0]
    if wanted > frequency[-1] + step / 2:
        return None
    return float(scores["frc_mean"][int(np.abs(frequency - wanted).argmin())])


def of_dragonfly(records: Sequence[Mapping[str, Any]]) -> str:
    """Return orientations, intensities and time of Dragonfly and of ours on the same patterns."""
    rows = []
    for record in records:
        helped = record["arguments"].get("coarse", NO_START) != NO_START
        for key, name in MERGED.items():
            one = record[key]
            words = f"{name}, from a coarse map" if key == "dragonfly" and helped else name
            degrees = one["orientation_degrees"]
            median = f"{degrees['median']:.1f}, {degrees['median_or_half_turn']:.1f}"
            within, half = degrees["within_15"], degrees["within_15_or_half_turn"]
            counts = f"{record['counts_of_a_pattern']:,.0f}"
            rows.append((
                record["molecule"], f"{record['patterns']:,}", counts, words, median,
                f"{100 * within:.0f} %, {100 * half:.0f} %", f"{one['mean_correlation']:.2f}",
                f"{one['intensity_correlation'][-1]:.2f}", f"{one['cpu_s']:,.0f}",
            ))  # fmt: skip
    heads = (
        "protein", "patterns", "counts of each", "merged", "median error, half turns allowed [°]",
        "within 15°, half turns allowed", "correlation of intensities, mean", "in the last shell",
        "CPU s",
    )  # fmt: skip
    told = " ".join(better_words(record) for record in records)
    return f"{told}\n\n{table(heads, rows)}"


def better_words(record: Mapping[str, Any]) -> str:
    """Say in which of the three measures ours is better."""
    ours, theirs = record["ours"], record["dragonfly"]
    errors = [one["orientation_degrees"]["median_or_half_turn"] for one in (ours, theirs)]
    better = {
        "orientations": errors[0] < errors[1],
        "intensities": ours["mean_correlation"] > theirs["mean_correlation"],
        "CPU time": ours["cpu_s"] < theirs["cpu_s"],
    }
    won = ", ".join(name for name, is_better in better.items() if is_better) or "nothing"
    rest = [name for name, is_better in better.items() if not is_better]
    lost = f"; Dragonfly in {', '.join(rest)}" if rest else ""
    start = record["ours"]["refinement"]["before"]["rms"]
    return (
        f"{record['molecule']}, ours from orientations wrong by {start:.1f} degrees (rms): better "
        f"in {won}{lost}."
    )


def of_cost(runs: Sequence[tuple[str, Run]], simulated: Sequence[tuple[str, Simulated]]) -> str:
    """Return time and memory of every run whose cost is known."""
    rows, held = [], []
    for words, run in runs:
        if run.cost is None:
            continue
        memory = run.cost.memory_bytes
        held.append(memory)
        wall = NONE if run.cost.wall_s is None else f"{run.cost.wall_s / 60:.1f}"
        rows.append((
            words, run.molecule, f"{run.views:,}", f"{run.box_angstrom:.0f} Å, {run.pixels}³",
            f"{run.end_angstrom:.2f} Å", str(run.starts), f"{run.cost.cpu_s / 60:.1f}", NONE,
            f"{run.cost.cpu_s / 60 / run.views * 1000:.1f}", wall, memory_words(memory),
        ))  # fmt: skip
    for words, one in simulated:
        held.append(one.memory_bytes)
        views, cpu = one.run["views"], one.run["cpu_s"]
        pixels, box = one.run["grid"]
        rows.append((
            words, one.molecule, f"{views:,}", f"{box:.0f} Å, {pixels}³",
            f"{one.end_angstrom:.2f} Å", one.arguments["starts"], f"{cpu['all'] / 60:.1f}",
            f"{cpu['before_phasing'] / 60 / views * 1000:.1f}",
            f"{cpu['all'] / 60 / views * 1000:.1f}", f"{one.run['wall_s'] / 60:.1f}",
            memory_words(one.memory_bytes),
        ))  # fmt: skip
    heads = (
        "run", "protein", "patterns merged", "box, grid", "end of data", "starts", "CPU minutes",
        "minutes per 1,000 patterns before phasing", "minutes per 1,000 patterns in all",
        "wall-clock minutes", "memory",
    )  # fmt: skip
    told = [memory for memory in held if memory is not None]
    under = sum(memory < MOST_BYTES for memory in told)
    words = f"{under} of {len(told)} runs held less than {MOST_BYTES / 1e9:g} GB."
    return f"{words}\n\n{table(heads, rows)}"


def memory_words(memory_bytes: int | None) -> str:
    return NONE if memory_bytes is None else f"{memory_bytes / 1e9:.1f} GB"
