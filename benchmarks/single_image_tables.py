"""Tables and sentences of docs/results/single-image.md as Markdown, from evaluations."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from paper_tables import table

from diffragan.evaluation.diffraction_use import use_markdown
from diffragan.evaluation.paper.captioned import SMALL_KDA
from diffragan.evaluation.predictions import STATED_SHARE
from diffragan.evaluation.single_image.conditions import Case
from diffragan.evaluation.single_image.evaluations import (
    ALONE,
    COMPARED,
    MAIN,
    Evaluation,
    Scores,
)
from diffragan.evaluation.single_image.learning import FIRST_SHARE, MORE, Learning, evenly
from diffragan.evaluation.single_image.learning_figure import Trained
from diffragan.evaluation.single_image.pooled_predictions import judged_predictions
from diffragan.evaluation.single_image.protein_results import (
    AIM_ANGSTROM,
    WORST_ANGSTROM,
    ProteinResult,
    Reached,
    mean_below,
    protein_results,
)
from diffragan.evaluation.wording import resolution_of, resolution_text

HEAVY_KDA = 25.0
"""Below which the paper's own cell is to do as well as fine sampling."""
TENTH = 0.1
"""By how much a defocus may be worse than the paper's."""
MOST_VALIDATIONS = 12
NONE = "-"


def score_of(scores: Scores) -> float:
    """Mean FRC of the views from 20 Å to the limit on the axes."""
    return float(np.mean(scores["score_per_view"]))


def interval_text(scores: Scores, over: str = "") -> str:
    """Word an interval; of a curve that is below 0.5 from the first ring there is none."""
    ends = scores.get(f"resolution_interval{over}_angstrom")
    if ends is None or scores["resolution_starts_below"]:
        return NONE
    return f"{ends[0]:.2f} to {ends[1]:.2f}"


def of_methods(evaluation: Evaluation) -> str:
    """Return every method and control, and the verdicts."""
    rows = [
        (
            words, str(scores["views"]), resolution_of(scores),
            resolution_of(scores, "measured_"), interval_text(scores),
            interval_text(scores, "_over_proteins"),
            f"{score_of(scores):.3f}", f"{scores['ssim_mean']:.3f}",
            f"{scores['r_factor_mean']:.3f}",
        )
        for words, scores in evaluation.judged()
    ]  # fmt: skip
    heads = (
        "method or control", "views", "FRC 0.5 at", "measured alone", "95 % over views [Å]",
        "over proteins [Å]",
        "score", "SSIM", "R-factor",
    )  # fmt: skip
    verdicts = "\n".join(
        f"- {name}: {method['verdict']}" for name, method in evaluation.metrics["methods"].items()
    )
    return f"{table(heads, rows)}\n\nVerdicts:\n\n{verdicts}\n\n{data_words(evaluation)}"


def data_words(evaluation: Evaluation) -> str:
    """Name the data and the weights, so that a run can be told from another."""
    data = evaluation.metrics["data"]
    made = evaluation.metrics["methods"][evaluation.main]["provenance"]["settings"]
    weights = made.get("weights_sha256") or {}
    pinned = "".join(f", {name} {sha[:12]}" for name, sha in sorted(weights.items()))
    seed = made.get("in_force", {}).get("seed")
    effort = made.get("in_force", {}).get("effort")
    how = "" if seed is None else f", effort {effort}, seed {seed}"
    return (
        f"Data `{data['identity'][:12]}`, preset {data['preset']}, box "
        f"{data['experiment']['box_angstrom']:g} Å; {evaluation.main}{how}{pinned}."
    )


def of_proteins(evaluation: Evaluation) -> str:
    """Return the table of proteins by the page's method and by HIO, and what it says in words.

    HIO is left out where it was judged on some views alone, and on no protein by itself.
    """
    results = protein_results(evaluation, (MAIN, "hio"))
    names = [name for name in (MAIN, "hio") if any(name in p.reached for p in results)]
    rows = [
        (
            p.name, f"{p.mass_kda:.1f}", str(p.views), f"{p.oversampling:.1f}",
            f"{100 * p.filling:.0f} %",
            *(cell for name in names for cell in reached_cells(p.reached.get(name))),
        )
        for p in results
    ]  # fmt: skip
    heads = ["protein", "mass [kDa]", "views", "oversampling", "filling"]
    for name in names:
        heads += [f"{name}: FRC 0.5 at", "score", f"views to {WORST_ANGSTROM:g} Å"]
    return f"{protein_words(results)}\n\n{table(heads, rows)}"


def reached_cells(reached: Reached | None) -> tuple[str, str, str]:
    if reached is None:
        return NONE, NONE, NONE
    read = reached.resolution
    better = NONE if reached.better is None else f"{100 * reached.better:.0f} %"
    words = resolution_text(read.angstrom, read.reaches_limit, read.starts_below)
    return words, f"{reached.score:.3f}", better


def protein_words(results: Sequence[ProteinResult]) -> str:
    """Count the proteins that reach the aim, and those that are too coarse."""
    by_main = [p for p in results if MAIN in p.reached]
    words = [counted(by_main, "proteins")]
    light = [p for p in by_main if p.mass_kda < HEAVY_KDA]
    if 0 < len(light) < len(by_main):
        words.append(counted(light, f"proteins below {HEAVY_KDA:g} kDa"))
    by_hio = [p for p in results if "hio" in p.reached]
    if by_hio:
        reached = sum(p.reached["hio"].aim for p in by_hio)
        coarse = sum(p.reached["hio"].too_coarse for p in by_hio)
        words.append(
            f"By HIO {reached} of {len(by_hio)} reach it, and {coarse} are worse than "
            f"{WORST_ANGSTROM:g} Å."
        )
    return " ".join(words)


def counted(results: Sequence[ProteinResult], of: str) -> str:
    reached = sum(p.reached[MAIN].aim for p in results)
    coarse = [p.name for p in results if p.reached[MAIN].too_coarse]
    worse = f"{len(coarse)} worse than {WORST_ANGSTROM:g} Å ({', '.join(coarse)})"
    return (
        f"The mean FRC of {reached} of {len(results)} {of} is above 0.5 to {AIM_ANGSTROM:g} Å by "
        f"{MAIN}; {worse if coarse else f'none is worse than {WORST_ANGSTROM:g} Å'}."
    )


def of_use(evaluation: Evaluation) -> str:
    """Return the comparison of the page's method with replaced inputs, in bands of resolution."""
    name = evaluation.main
    only = {**evaluation.metrics, "methods": {name: evaluation.metrics["methods"][name]}}
    return re.sub(r"^#.*\n+", "", use_markdown(only), flags=re.MULTILINE).strip()


def of_defocus(cases: Sequence[Case], base_angstrom: float) -> str:
    """Return resolution against defocus, all proteins and the light ones, over that at the base."""
    base = next((c.evaluation for c in cases if c.value == base_angstrom), None)
    whole = None if base is None else _angstrom(base.scores(MAIN))
    rows, within = [], []
    for case in cases:
        main, hio = case.evaluation.scores(MAIN), case.evaluation.scores("hio")
        alone = case.evaluation.scores(ALONE)
        assert main is not None
        angstrom = _angstrom(main)
        if whole is not None and case.value != base_angstrom:
            within.append((f"{case.value:,.0f} Å", angstrom / whole))
        rows.append((
            f"{case.value:,.0f} Å", "all", str(main["views"]), resolution_of(main),
            _ratio(angstrom, whole), f"{score_of(main):.3f}", _resolution(hio), _resolution(alone),
        ))  # fmt: skip
        masses = [p["mass_kda"] for p in case.evaluation.proteins]
        if min(masses) < SMALL_KDA <= max(masses):
            views, read, score = mean_below(case.evaluation, MAIN, SMALL_KDA)
            if whole is not None:
                where = f"{case.value:,.0f} Å under {SMALL_KDA:g} kDa"
                within.append((where, read.angstrom / whole))
            words = resolution_text(read.angstrom, read.reaches_limit, read.starts_below)
            rows.append((
                f"{case.value:,.0f} Å", f"under {SMALL_KDA:g} kDa", str(views), words,
                _ratio(read.angstrom, whole), f"{score:.3f}", NONE, NONE,
            ))  # fmt: skip
    heads = (
        "underfocus", "proteins", "views", f"{MAIN}: FRC 0.5 at",
        f"over all at {base_angstrom:,.0f} Å", "score", "hio: FRC 0.5 at",
        "low-resolution image alone",
    )  # fmt: skip
    return f"{_within_words(within, base_angstrom)}{table(heads, rows)}"


def _within_words(ratios: Sequence[tuple[str, float]], base: float) -> str:
    if not ratios:
        return ""
    worse = [words for words, ratio in ratios if ratio > 1 + TENTH]
    told = (
        f"worse by more than {100 * TENTH:.0f} % than all proteins at {base:,.0f} Å: "
        f"{', '.join(worse)}."
        if worse
        else f"none is worse by more than {100 * TENTH:.0f} % than all proteins at {base:,.0f} Å."
    )
    return f"Of {len(ratios)} rows {told}\n\n"


def of_conditions(cases: Sequence[Case], words: str) -> str:
    """Return resolution and score of every method against a condition."""
    names = [n for n in COMPARED if any(c.evaluation.scores(n) for c in cases)]
    rows = []
    for case in cases:
        cells = [_resolution_and_score(case.evaluation.scores(n)) for n in names]
        label = "no noise" if case.value is None else f"{case.value:,g}"
        main = case.evaluation.scores(MAIN)
        views = NONE if main is None else str(main["views"])
        rows.append((label, views, str(len(case.evaluation.proteins)), *cells))
    heads = (words, "views", "proteins", *(f"{n}: FRC 0.5 at (score)" for n in names))
    return f"{best_words(cases, names)}\n\n{table(heads, rows)}"


def best_words(cases: Sequence[Case], names: Sequence[str]) -> str:
    """Say where the page's method has the highest score, and what it gains over the image."""
    best, gains, beaten = 0, [], []
    for case in cases:
        scores = {n: s for n in names if (s := case.evaluation.scores(n)) is not None}
        each = {name: score_of(found) for name, found in scores.items()}
        winner = max(each, key=each.__getitem__)
        best += winner == MAIN
        if winner != MAIN:
            value = "without noise" if case.value is None else f"at {case.value:,g}"
            beaten.append(f"{winner} is better {value} by {each[winner] - each[MAIN]:.3f}")
        if ALONE in each:
            gains.append(each[MAIN] - each[ALONE])
    words = f"{MAIN} has the highest score in {best} of {len(cases)} conditions"
    words += f" ({'; '.join(beaten)})." if beaten else "."
    if gains:
        words += f" Over the low-resolution image alone it gains {min(gains):+.3f} at the least."
    return words


def of_predictions(methods: Mapping[str, Scores]) -> str:
    """Return how predictions came out, evaluation by evaluation and together."""
    rows = [
        (
            found.words, str(found.views),
            NONE if found.correlation is None else f"{found.correlation:.2f}",
            f"{100 * found.inside:.0f} %", str(found.failed),
            NONE if found.failed_truly_angstrom is None else f"{found.failed_truly_angstrom:.2f} Å",
        )
        for found in judged_predictions(methods)
    ]  # fmt: skip
    heads = (
        "evaluation", "views", "correlation of logarithms",
        f"inside the interval stated for {100 * STATED_SHARE:.0f} %", "called failed",
        "these truly, median",
    )  # fmt: skip
    return table(heads, rows)


def of_cost(costs: Iterable[Mapping[str, Any]]) -> str:
    """Return the cost of a view by every phaser, machine by machine."""
    parts = []
    for cost in costs:
        rows = [
            (
                row["what"], f"{row['seconds_per_view']:.3g} s",
                f"{row['cpu_seconds_per_view']:.3g} s", f"{1 / row['seconds_per_view']:.3g}",
                f"{row['peak_memory_gb']:.2f} GB",
                NONE if (gpu := row["peak_gpu_memory_gb"]) is None else f"{gpu:.2f} GB",
            )
            for row in cost["rows"]
        ]  # fmt: skip
        heads = (
            "phaser", "a view", "processor time a view", "views a second", "peak memory",
            "peak GPU memory",
        )  # fmt: skip
        parts.append(
            f"{cost['machine']}, {cost['cores']} core{'' if cost['cores'] == 1 else 's'}, load "
            f"{cost['load_before']:.1f} before the run; {cost['views']} views in batches of "
            f"{cost['batch']}, box {cost['box_angstrom']:g} Å, {cost['pixels']} pixels.\n\n"
            f"{table(heads, rows)}"
        )
    return "\n\n".join(parts)


def of_learning(learning: Learning, trained: Trained) -> str:
    """Return validations, and the laws through them in words."""
    rows: list[Sequence[str]] = [
        (
            f"{learning.views[i]:,.0f}", f"{learning.frc[i]:.4f}",
            f"{learning.resolution_angstrom[i]:.3f} Å", f"{learning.envelope[i]:.3f}",
        )
        for i in evenly(len(learning.views), MOST_VALIDATIONS)
    ]  # fmt: skip
    heads: Sequence[str] = "views seen", "validation FRC", "FRC 0.5 at", "overlap of envelopes"
    parts = [law_words(learning), table(heads, rows)]
    if trained:
        rows = [
            (f"{views:,.0f}", *(_resolution_and_score(e.scores(n)) for n in (MAIN, "network")))
            for views, e in trained
        ]
        heads = ("views seen", *(f"{n}: FRC 0.5 at (score)" for n in (MAIN, "network")))
        parts.append(f"Whole evaluations with the weights then:\n\n{table(heads, rows)}")
    return "\n\n".join(part for part in parts if part)


def law_words(learning: Learning) -> str:
    """Say what the power law is, what it would bring, and if its first half foretold the end."""
    law, last = learning.law, learning.last_views
    if law is None:
        return "Too few validations for a law."
    more = MORE * last
    words = (
        f"Through the validations from {100 * FIRST_SHARE:.0f} % of the views on, 1 − FRC falls as "
        f"views^−{law.exponent:.3f} (scatter {100 * law.scatter:.1f} %). Continued, {MORE} times "
        f"more views ({more:,.0f}) would bring the validation FRC of the network alone from "
        f"{learning.frc[-1]:.3f} to {learning.frc_after(more):.3f}"
    )
    if learning.resolution_law is not None:
        words += (
            f" and its resolution from {learning.resolution_angstrom[-1]:.2f} Å to "
            f"{float(learning.resolution_law(more)):.2f} Å"
        )
    words += ". This is an extrapolation by a factor of ten, not a measurement."
    if learning.foretold is not None:
        words += (
            f" The law through the first half of the views alone foretold {learning.foretold:.3f} "
            f"for the last validation, which gave {learning.frc[-1]:.3f}."
        )
    return words


def _angstrom(scores: Scores | None) -> float:
    assert scores is not None
    return float(scores["resolution_frc_0p5_angstrom"])


def _resolution(scores: Scores | None) -> str:
    return NONE if scores is None else resolution_of(scores)


def _ratio(angstrom: float, base: float | None) -> str:
    return NONE if base is None else f"{angstrom / base:.2f}"


def _resolution_and_score(scores: Scores | None) -> str:
    return NONE if scores is None else f"{resolution_of(scores)} ({score_of(scores):.3f})"
