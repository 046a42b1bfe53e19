"""Judge phased stores against the data they came from, with controls, into `metrics.json`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from diffragan.alignment import LEAST_GAIN, STANDS_OUT
from diffragan.errors import InputError
from diffragan.evaluation.cautions import cautions
from diffragan.evaluation.controls import IMAGE_ALONE
from diffragan.evaluation.coverage import measured_share
from diffragan.evaluation.curve_table import frc_table, group_table
from diffragan.evaluation.diffraction_use import (
    INTERVAL_WORDS,
    diffraction_use,
    use_markdown,
    use_table,
)
from diffragan.evaluation.groups import group_scores, intervals_over_proteins
from diffragan.evaluation.inputs import (
    check_images,
    check_source,
    describe_data,
    method_names,
)
from diffragan.evaluation.iterative_controls import iterative_controls
from diffragan.evaluation.judging import Judged, Result, judge_all, spread
from diffragan.evaluation.metrics import MeasuredLimit, measured_limit
from diffragan.evaluation.nearest_projection import (
    NEAREST_PROJECTION,
    check_training,
    judge_nearest,
    nearest_projections,
)
from diffragan.evaluation.predictions import predictions_judged
from diffragan.evaluation.r_free import free_set_of
from diffragan.evaluation.reruns import WRONG_DIFFRACTION, RerunPlace, rerun_controls
from diffragan.evaluation.schema import SCHEMA_VERSION
from diffragan.evaluation.summary import VERDICT_SENTENCES
from diffragan.evaluation.training_pattern import mean_pattern
from diffragan.evaluation.verdict import RULE, Signs, coarse_frc, judge
from diffragan.in_order import thread_count
from diffragan.io.files import output_folder, write_json, write_text
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import fingerprint, provenance
from diffragan.io.triplets import TripletStore
from diffragan.rings import COARSEST_ANGSTROM
from diffragan.typing import Float, Tensor

ProtocolName = Literal["paper", "full"]
SETTINGS_OF_MEASURES = {
    "frc": "hard rings one sample wide, mean off",
    "ssim": "Gaussian window, standard deviation 1.5 px; means off; data range of each true image",
    "resolution": f"where the mean FRC first falls below 0.5, from {COARSEST_ANGSTROM:g} Å on",
    "resolution_interval": INTERVAL_WORDS,
    "alignment": "each image is shifted, and turned half a turn, onto its truth where its "
    f"correlation gains {LEAST_GAIN:g} or more and is {STANDS_OUT:g} times higher than what a "
    "shifted copy leaves unexplained; controls alike",
}


@dataclass(frozen=True, slots=True)
class Place:
    """What every part of an evaluation needs."""

    data: TripletStore
    limit: MeasuredLimit
    control_views: int
    device: str
    protocol: ProtocolName = "full"
    training: TripletStore | None = None
    mean_pattern: Float[Tensor, "q_y q_x"] | None = None
    """Of the training data."""

    def rerun_place(self, items: Sequence[int]) -> RerunPlace:
        """Choose control views among items, for methods to be run on again."""
        chosen = spread(items, self.control_views)
        return RerunPlace(self.data, chosen, self.limit, self.mean_pattern, self.device)


def evaluate(
    data: TripletStore,
    phased: Sequence[PhasedStore],
    out: Path,
    control_views: int = 8,
    device: str = "cpu",
    *,
    protocol: ProtocolName = "full",
    training: TripletStore | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Judge phased waves and write `metrics.json` and tables into `out`.

    Parameters
    ----------
    data : Data set that was phased; it holds the truth.
    phased : What one or more methods made of it.
    out : Folder, made when it is not there.
    control_views : Views on which each method is run again with inputs replaced; 0 for none.
    protocol : `paper` leaves out the controls that take seconds a view (HIO and RAAR).
    training : What the methods were trained on, for the controls that need it.
    workers : Threads that judge; all cores when left out. The result does not depend on it.

    Returns
    -------
    What `metrics.json` holds.

    Raises
    ------
    ConfigError : `workers` is not positive.
    InputError : A store came from other data, or says what cannot be.
    """
    threads = thread_count(workers, device)
    if not phased:
        raise InputError("nothing to evaluate; give the store of a phasing method")
    for store in phased:
        check_source(data, store)
    if training is not None:
        check_training(data, training)
    limit = measured_limit(data.experiment)
    output_folder(out)
    names = method_names(phased)
    stores = dict(zip(names, phased, strict=True))
    mean = None if training is None else mean_pattern(training, device)
    place = Place(data, limit, control_views, device, protocol, training, mean)
    results = {name: Result.of(store) for name, store in stores.items()}
    found = judge_all(data, results, limit, threads, device)
    check_images(stores, found)
    judged = found.controls[IMAGE_ALONE].items
    further = _further_controls(place, judged, [store.method for store in phased])
    metrics: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "protocol": protocol,
        "methods": {name: _method(place, name, store, found) for name, store in stores.items()},
        "controls": {
            **{name: control.summary() for name, control in found.controls.items()},
            **further,
        },
        "groups": group_scores(data, {**found.methods, **found.controls}, found),
        "measured_limit_angstrom": {
            "axis": limit.axis_angstrom,
            "corner": limit.corner_angstrom,
            "judged": limit.judged_angstrom,
        },
        "measured_share_of_ring": measured_share(
            torch.from_numpy(data.read("measured")), limit.rings
        ).tolist(),
        "data": describe_data(data, judged),
        "verdict_rule": RULE,
        "settings_of_measures": SETTINGS_OF_MEASURES,
        "ssim_settings": SETTINGS_OF_MEASURES["ssim"],
        "provenance": provenance(
            "evaluate",
            {"control_views": control_views, "protocol": protocol},
            None,
            {
                "data": data.identity,
                **({"training": training.identity} if training is not None else {}),
                **{n: fingerprint(s.store.attributes) for n, s in stores.items()},
            },
        ),
    }
    over_proteins = intervals_over_proteins(metrics["groups"]["protein"], limit)
    for name, scores in (*metrics["methods"].items(), *metrics["controls"].items()):
        scores["resolution_interval_over_proteins_angstrom"] = over_proteins.get(name)
    metrics["warnings"] = cautions(metrics)
    write_text(out / "frc.csv", frc_table(metrics))
    write_text(out / "groups.csv", group_table(metrics))
    write_text(out / "diffraction_use.csv", use_table(metrics))
    write_text(out / "diffraction_use.md", use_markdown(metrics))
    # Last, so that a folder with metrics.json is a finished one.
    write_json(out / "metrics.json", metrics)
    return metrics


def _method(place: Place, name: str, store: PhasedStore, found: Judged) -> dict[str, Any]:
    """Scores, controls and verdict of one method."""
    scores = found.methods[name]
    control = place.rerun_place(scores.items)
    reruns = rerun_controls(control, store)
    run = {key: rerun.scores for key, rerun in reruns.items() if rerun.scores is not None}
    items = control.items or scores.items
    wrong = run.get(WRONG_DIFFRACTION)
    signs = Signs(found.resemblance(name), coarse_frc(scores))
    verdict = judge(
        scores.score(items),
        found.controls[IMAGE_ALONE].score(items),
        wrong.score(items) if wrong else None,
        signs,
    )
    return {
        **scores.summary(),
        **(free.recorded if (free := free_set_of(store)) else {}),
        **predictions_judged(store, scores),
        "controls": {key: rerun.summary() for key, rerun in reruns.items()},
        "diffraction_use": diffraction_use(scores, run, control.items),
        "verdict": verdict.text,
        "verdict_sentence": VERDICT_SENTENCES[verdict.text],
        "verdict_numbers": {k: v for k, v in asdict(verdict).items() if k != "text"},
        "signs": asdict(signs),
        "file": store.store.path.name,
        "provenance": store.store.attributes.get("provenance", {}),
    }


def _further_controls(
    place: Place, judged: Sequence[int], methods: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Run the controls that take long, or need the training data."""
    found: dict[str, dict[str, Any]] = {}
    if place.training is not None:
        nearest = nearest_projections(place.data, judged, place.training, place.device)
        scores = judge_nearest(
            place.data, judged, place.training, nearest, place.limit, place.device
        )
        found[NEAREST_PROJECTION] = {
            **scores.summary(),
            "training_items": nearest.items,
            "distances": nearest.distances,
        }
    if place.protocol == "full":
        run = iterative_controls(place.rerun_place(judged), methods)
        found |= {name: scores.summary() for name, scores in run.items()}
    return found
