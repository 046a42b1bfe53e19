"""Tests that simulate data of their own: small proteins, changed inputs, stronger defocus."""

from typing import Any

from paper_inputs import drawn_by, first_views, stored_structures
from paper_place import Place
from paper_training import train_small

from diffragan.errors import ConfigError
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.paper.captioned import (
    SMALL_KDA,
    alt_of_cases,
    small_and_large,
    small_figure,
)
from diffragan.evaluation.paper.cases import Case, case_rows, draw_cases
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.counterparts import DEFOCUS, STABILITY
from diffragan.evaluation.paper.judged import JudgedViews, judge, judge_image_alone, per_molecule
from diffragan.evaluation.paper.stability import measure_stability
from diffragan.evaluation.paper.stability_figure import draw_stability, stability_rows
from diffragan.evaluation.paper.view_rows import draw_rows, rows_of
from diffragan.io.triplets import TripletStore
from diffragan.phasing.learned import ConditionalGanPhaser
from diffragan.structures.prepared import read_prepared_many

DEFOCI_ANGSTROM = (1500.0, 2000.0)
VIEWS_OF_STABILITY = 2
VIEWS_OF_DEFOCUS = 8


def run_small(place: Place) -> None:
    views, _ = place.network_views()
    alone = judge_image_alone(place.test, views.items.tolist())
    cases = small_and_large(place.test, views, alone)
    molecules = per_molecule(place.test, views)
    if place.arguments.structures:
        further, further_case = _further(place)
        molecules += further
        cases.append(further_case)
    if not any(m["mass_kda"] < SMALL_KDA for m in molecules):
        raise ConfigError("no protein is under 10 kDa; name prepared ones by --structures")
    results = {
        "cases": case_rows(cases),
        "molecules": molecules,
        "frequency_per_angstrom": views.frequency_per_angstrom.tolist(),
    }
    place.record(
        "small", "proteins under 10 kDa", results,
        {"small": small_figure(cases)},
    )  # fmt: skip


def _further(place: Place) -> tuple[list[dict[str, Any]], Case]:
    """Simulate and phase further small proteins."""
    structures = read_prepared_many(place.arguments.structures)
    seen = {s["sha256"] for s in place.train.store.attributes["structures"]}
    for one in structures:
        if one.mass_kda >= SMALL_KDA:
            raise ConfigError(f"{one.path}: has {one.mass_kda:.1f} kDa; name proteins under 10 kDa")
        if one.sha256 in seen:
            raise ConfigError(f"{one.path}: was trained on; name others")
    count = {"orientations": place.arguments.orientations}
    data = place.simulate("small", structures, place.test.experiment.model_copy(update=count))
    items = list(range(len(data)))
    views = judge(data, items, drawn_by(place.phaser, data, None), "small proteins")
    label = f"{len(structures)} further proteins, under 10 kDa"
    return per_molecule(data, views), Case(label, views, judge_image_alone(data, items))


def run_stability(place: Place) -> None:
    limit = measured_limit(place.test.experiment)
    items = first_views(place.test, place.arguments.views or VIEWS_OF_STABILITY)
    found = measure_stability(place.test, items, place.phaser, limit, place.seed)
    caption = (
        f"Stability of the output under slight changes of the input, {len(items)} views ("
        f"{STABILITY.words}): the molecule is shifted (a, d) or turned about the beam (b, e) by a "
        "little and its data are simulated again; the low-resolution image has fewer electrons "
        "(c, f). "
        "Mean FRC of the output with its truth, and with that of the unchanged input after the "
        "change is taken back; bars: one standard deviation over the views. Dashed: only the "
        "counts are drawn again."
    )
    rows = stability_rows(found, limit)
    place.record(
        "stability", "slight changes of the input",
        {
            "changes": rows,
            "views": len(items),
            "frequency_per_angstrom": limit.frequency_per_angstrom.tolist(),
        },
        {
            "stability": (
                draw_stability(found, limit),
                caption,
                "Mean FRC against the size of shifts, turns and losses of dose.",
            )
        },
    )  # fmt: skip


def run_defocus(place: Place) -> None:
    """Try the run on data of stronger defocus as it is, and train small ones at each defocus."""
    base = place.test.experiment
    own = base.low_resolution.defocus_angstrom
    test_structures = stored_structures(place.test)
    cases, groups = [], []
    for defocus in (own, *DEFOCI_ANGSTROM):
        data = _defocused(place, f"test-{defocus:.0f}", test_structures, defocus)
        items = first_views(data, None)
        alone = judge_image_alone(data, items)
        draw = drawn_by(place.phaser, data, base)
        views = judge(data, items, draw, f"{defocus:,.0f} Å")
        cases.append(Case(f"{defocus:,.0f} Å, run of {own:,.0f} Å", views, alone))
        groups.append(("", rows_of(data, views, [0], draw, f" at {defocus:,.0f} Å")))
        if place.arguments.steps:
            cases.append(_trained_at(place, defocus, data, alone))
    limit = cases[0].views.limit
    order = [c for c in cases if "run of" in c.label] + [
        c for c in cases if "run of" not in c.label
    ]
    trained = (
        f" Trained at it: small networks of {place.arguments.steps} steps, each on data of its "
        "own defocus."
        if place.arguments.steps
        else ""
    )
    caption = (
        f"Low-resolution images of stronger defocus ({DEFOCUS.words}). Run of "
        f"{own:,.0f} Å: the network as it was trained.{trained} a: mean FRC. b: mean FRC of single "
        f"views from {band_words(limit)}: median, quartiles, 5 to 95 %; the bar is the "
        "low-resolution image alone."
    )
    place.record(
        "defocus", "1,500 and 2,000 Å defocus",
        {
            "cases": case_rows(order),
            "steps_of_small_runs": place.arguments.steps,
            "frequency_per_angstrom": limit.frequency_per_angstrom.tolist(),
        },
        {
            "defocus": (
                draw_cases(order, limit, "defocus: mean FRC falls below 0.5 at"),
                caption,
                alt_of_cases(order),
            ),
            "defocus-views": (
                draw_rows(groups, base),
                f"One view at each defocus ({DEFOCUS.words}), phased by the run that was "
                f"trained at {own:,.0f} Å.",
                "Rows of pictures of one view at three defoci.",
            ),
        },
    )  # fmt: skip


def _defocused(place: Place, name: str, structures: Any, defocus: float) -> TripletStore:
    base = place.test.experiment
    low = base.low_resolution.model_copy(update={"defocus_angstrom": defocus})
    count = place.arguments.views or VIEWS_OF_DEFOCUS
    if name.startswith("train"):
        count = place.arguments.orientations
    changed = base.model_copy(update={"low_resolution": low, "orientations": count})
    return place.simulate(name, structures, changed)


def _trained_at(place: Place, defocus: float, data: TripletStore, alone: JudgedViews) -> Case:
    train = _defocused(place, f"train-{defocus:.0f}", stored_structures(place.train), defocus)
    run = train_small(place, f"defocus-{defocus:.0f}", train.store.path, {}, None)
    phaser = ConditionalGanPhaser(run, place.arguments.device)
    items = first_views(data, None)
    views = judge(data, items, drawn_by(phaser, data, None), f"trained at {defocus:,.0f} Å")
    return Case(f"{defocus:,.0f} Å, trained at it", views, alone)
