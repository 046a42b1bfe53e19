"""Judge phased stores against the data they came from, with controls, into `metrics.json`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from diffragan.errors import InputError
from diffragan.evaluation.controls import IMAGE_ALONE, run_controls
from diffragan.evaluation.curve_table import frc_table
from diffragan.evaluation.diffraction_use import diffraction_use, use_markdown, use_table
from diffragan.evaluation.iterative_controls import iterative_controls
from diffragan.evaluation.metrics import MeasuredLimit, measured_limit
from diffragan.evaluation.nearest_projection import (
    NEAREST_PROJECTION,
    check_training,
    judge_nearest,
    nearest_projections,
)
from diffragan.evaluation.reruns import WRONG_DIFFRACTION, RerunPlace, rerun_controls
from diffragan.evaluation.scores import ViewScores, read_truth
from diffragan.evaluation.training_pattern import mean_pattern
from diffragan.evaluation.verdict import RULE, judge
from diffragan.io.files import output_folder, write_json, write_text
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import fingerprint, provenance
from diffragan.io.triplets import TripletStore
from diffragan.progress import progress_bar
from diffragan.typing import Float, Tensor

ProtocolName = Literal["paper", "full"]
SCHEMA_VERSION = 2
"""Of `metrics.json`; `docs/evaluation.md` describes it."""
BATCH = 16
SSIM_SETTINGS = (
    "Gaussian window, standard deviation 1.5 px; means off; data range of each true image"
)


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

    Returns
    -------
    What `metrics.json` holds.

    Raises
    ------
    InputError : A store came from other data, or says what cannot be.
    """
    if not phased:
        raise InputError("nothing to evaluate; give the store of a phasing method")
    for store in phased:
        check_source(data, store)
    if training is not None:
        check_training(data, training)
    output_folder(out)
    names = method_names(phased)
    limit = measured_limit(data.experiment)
    mean = None if training is None else mean_pattern(training, device)
    place = Place(data, limit, control_views, device, protocol, training, mean)
    scores = {
        name: score_method(place, name, store) for name, store in zip(names, phased, strict=True)
    }
    judged = sorted({item for one in scores.values() for item in one.items})
    controls = run_controls(data, judged, place.limit, device)
    metrics = {
        "schema_version": SCHEMA_VERSION,
        "protocol": protocol,
        "methods": {
            name: _method(place, store, scores[name], controls[IMAGE_ALONE])
            for name, store in zip(names, phased, strict=True)
        },
        "controls": {
            **{name: control.summary() for name, control in controls.items()},
            **_further_controls(place, judged, [store.method for store in phased]),
        },
        "measured_limit_angstrom": {
            "axis": place.limit.axis_angstrom,
            "corner": place.limit.corner_angstrom,
            "judged": place.limit.judged_angstrom,
        },
        "data": describe_data(data, judged),
        "verdict_rule": RULE,
        "ssim_settings": SSIM_SETTINGS,
        "provenance": provenance(
            "evaluate",
            {"control_views": control_views, "protocol": protocol},
            None,
            {
                "data": data.identity,
                **({"training": training.identity} if training is not None else {}),
                **{n: fingerprint(s.store.attributes) for n, s in zip(names, phased, strict=True)},
            },
        ),
    }
    write_text(out / "frc.csv", frc_table(metrics))
    write_text(out / "diffraction_use.csv", use_table(metrics))
    write_text(out / "diffraction_use.md", use_markdown(metrics))
    # Last, so that a folder with metrics.json is a finished one.
    write_json(out / "metrics.json", metrics)
    return metrics


def check_source(data: TripletStore, phased: PhasedStore) -> None:
    """Make sure that a phased store came from the data set it is to be judged by.

    Raises
    ------
    InputError : It did not, or names items that the data set does not have.
    """
    where, items = phased.store.path, phased.read("source_item")
    if phased.source_identity != data.identity:
        raise InputError(
            f"{where}: was phased from other data ({phased.source.name}) than {data.store.path}; "
            "evaluate it with the data set it was phased from"
        )
    if len(items) == 0 or items.min() < 0 or items.max() >= len(data):
        raise InputError(f"{where}: does not hold items of {data.store.path}; phase the data again")
    if len(np.unique(items)) != len(items):
        raise InputError(f"{where}: holds an item more than once; phase the data again")


def method_names(phased: Sequence[PhasedStore]) -> list[str]:
    """Name each store by its method; a second one of the same method gets a number."""
    names: list[str] = []
    for store in phased:
        name, number = store.method, 2
        while name in names:
            name, number = f"{store.method}-{number}", number + 1
        names.append(name)
    return names


def score_method(place: Place, name: str, phased: PhasedStore) -> ViewScores:
    """Judge every view of a phased store, batch by batch."""
    scores = ViewScores(place.limit)
    source = [int(item) for item in phased.read("source_item")]
    with progress_bar(len(source), f"judging {name}") as bar:
        for start in range(0, len(source), BATCH):
            rows = range(start, min(start + BATCH, len(source)))
            items = source[start : rows.stop]
            waves, images = (
                torch.from_numpy(phased.read(array, rows)).to(place.device)
                for array in ("wave", "image")
            )
            scores.add(items, waves, images, read_truth(place.data, items, place.device))
            bar.advance(len(items))
    return scores


def _method(
    place: Place, phased: PhasedStore, scores: ViewScores, image_alone: ViewScores
) -> dict[str, Any]:
    """Scores, controls and verdict of one method."""
    control = place.rerun_place(scores.items)
    reruns = rerun_controls(control, phased)
    run = {name: rerun.scores for name, rerun in reruns.items() if rerun.scores is not None}
    items = control.items or scores.items
    wrong = run.get(WRONG_DIFFRACTION)
    verdict = judge(
        scores.score(items), image_alone.score(items), wrong.score(items) if wrong else None
    )
    return {
        **scores.summary(),
        "controls": {name: rerun.summary() for name, rerun in reruns.items()},
        "diffraction_use": diffraction_use(scores, run, control.items),
        "verdict": verdict.text,
        "verdict_numbers": {k: v for k, v in asdict(verdict).items() if k != "text"},
        "file": phased.store.path.name,
        "provenance": phased.store.attributes.get("provenance", {}),
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


def spread(items: Sequence[int], count: int) -> list[int]:
    """Choose `count` of the items, evenly from the first to the last."""
    if count < 1:
        return []
    if count >= len(items):
        return list(items)
    return [items[round(i * (len(items) - 1) / max(count - 1, 1))] for i in range(count)]


def describe_data(data: TripletStore, judged: Sequence[int]) -> dict[str, Any]:
    """Say what the judged views are of, and how they were measured."""
    experiment = data.experiment
    owner = data.read("structure", judged)
    entries = data.store.attributes["structures"]
    dose, snr = (data.read(n, judged) for n in ("low_resolution_dose", "low_resolution_snr"))
    return {
        "molecules": [
            {"name": entries[i]["name"], "mass_kda": entries[i]["mass_kda"]}
            for i in sorted({int(index) for index in owner})
        ],
        "views": len(judged),
        "preset": experiment.preset,
        "experiment": experiment.model_dump(mode="json"),
        "low_resolution_dose_e_per_a2": [float(dose.min()), float(dose.max())],
        "low_resolution_snr": [float(snr.min()), float(snr.max())],
        "identity": data.identity,
    }
