"""Judge phased stores against the data they came from, with controls, into `metrics.json`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from diffragan.errors import DiffraganError, InputError
from diffragan.evaluation.controls import IMAGE_ALONE, run_controls
from diffragan.evaluation.curve_table import frc_table
from diffragan.evaluation.metrics import MeasuredLimit, measured_limit
from diffragan.evaluation.scores import ViewScores, read_truth
from diffragan.evaluation.verdict import RULE, judge
from diffragan.evaluation.wrong_diffraction import phaser_of, run_wrong_diffraction, wrong_items
from diffragan.io.files import output_folder, write_json, write_text
from diffragan.io.phased import PhasedStore
from diffragan.io.provenance import fingerprint, provenance
from diffragan.io.triplets import TripletStore
from diffragan.progress import progress_bar

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


def evaluate(
    data: TripletStore,
    phased: Sequence[PhasedStore],
    out: Path,
    control_views: int = 8,
    device: str = "cpu",
) -> dict[str, Any]:
    """Judge phased waves and write `metrics.json` and `frc.csv` into `out`.

    Parameters
    ----------
    data : Data set that was phased; it holds the truth.
    phased : What one or more methods made of it.
    out : Folder, made when it is not there.
    control_views : Views on which each method is run again with a wrong pattern; 0 for none.

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
    output_folder(out)
    names = method_names(phased)
    place = Place(data, measured_limit(data.experiment), control_views, device)
    scores = {
        name: score_method(place, name, store) for name, store in zip(names, phased, strict=True)
    }
    judged = sorted({item for one in scores.values() for item in one.items})
    controls = run_controls(data, judged, place.limit, device)
    metrics = {
        "methods": {
            name: _method(place, store, scores[name], controls[IMAGE_ALONE])
            for name, store in zip(names, phased, strict=True)
        },
        "controls": {name: control.summary() for name, control in controls.items()},
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
            {"control_views": control_views},
            None,
            {
                "data": data.identity,
                **{n: fingerprint(s.store.attributes) for n, s in zip(names, phased, strict=True)},
            },
        ),
    }
    write_json(out / "metrics.json", metrics)
    write_text(out / "frc.csv", frc_table(metrics))
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
    """Scores, wrong-diffraction control and verdict of one method."""
    items = spread(scores.items, place.control_views) or scores.items
    wrong, described = _wrong_diffraction(place, phased, items)
    verdict = judge(
        scores.score(items), image_alone.score(items), wrong.score(items) if wrong else None
    )
    return {
        **scores.summary(),
        "controls": {"wrong_diffraction": described},
        "verdict": verdict.text,
        "verdict_numbers": {k: v for k, v in asdict(verdict).items() if k != "text"},
        "file": phased.store.path.name,
        "provenance": phased.store.attributes.get("provenance", {}),
    }


def _wrong_diffraction(
    place: Place, phased: PhasedStore, items: Sequence[int]
) -> tuple[ViewScores | None, dict[str, Any]]:
    """Run the control, or say why it could not be run: an external wave has no phaser here."""
    if place.control_views < 1:
        return None, {"not_run": "no control views were asked for"}
    chosen = wrong_items(place.data, items)
    if chosen is None:
        return None, {"not_run": "the data set has no second pattern"}
    try:
        phaser = phaser_of(phased, place.device)
        scores = run_wrong_diffraction(
            place.data, phaser, items, chosen[0], limit=place.limit, device=place.device
        )
    except DiffraganError as error:
        return None, {"not_run": str(error)}
    return scores, {**scores.summary(), "pattern_of": chosen[1], "pattern_items": chosen[0]}


def spread(items: Sequence[int], count: int) -> list[int]:
    """Choose `count` of the items, evenly from the first to the last."""
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
