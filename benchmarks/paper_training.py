"""Tests that train small networks: how many proteins, and how large the discriminator's patches."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from paper_inputs import describe_run, drawn_by, first_views
from paper_place import METHOD, Place

from diffragan.config.load import load_training
from diffragan.errors import ConfigError
from diffragan.evaluation.metrics import measured_limit
from diffragan.evaluation.paper.cases import Case, case_rows, draw_cases
from diffragan.evaluation.paper.column import band_words
from diffragan.evaluation.paper.judged import judge, judge_image_alone
from diffragan.evaluation.paper.progress import draw_progress
from diffragan.io.checkpoints import LAST, has_checkpoint, read_checkpoint
from diffragan.io.files import output_folder, write_text
from diffragan.io.subset import write_subset
from diffragan.io.training_log import read_log
from diffragan.io.triplets import TripletStore
from diffragan.phasing.learned import ConditionalGanPhaser
from diffragan.training.runs import LOG

PROTEINS = (1, 2, 5, 10, 20)
PATCHES = (1, 16, 70, "image")
VIEWS_TO_JUDGE = 8
VIEWS_TO_TRAIN_ON = 1000
"""In all, whatever the number of proteins, so that only their variety differs."""


def train_small(
    place: Place,
    name: str,
    data: Path,
    overrides: Mapping[str, Any],
    validation: Path | None,
) -> Path:
    """Train a small network by the command, or take up what was trained before; return the run."""
    steps = place.arguments.steps
    if not steps:
        raise ConfigError("this test trains networks; say for how many --steps")
    settings = load_training(
        None, place.arguments.training_config, {**overrides, "steps": steps, "seed": place.seed}
    )
    run = output_folder(place.out / "runs") / name
    config = run.with_suffix(".yaml")
    text = yaml.safe_dump(settings.model_dump(mode="json"))
    if config.exists() and config.read_text() != text:
        raise ConfigError(
            f"{config}: belongs to another test; remove runs/, or choose another --out"
        )
    write_text(config, text)
    began = run.is_dir() and has_checkpoint(run)
    if began and read_checkpoint(run / LAST, ("average",)).description["position"]["step"] >= steps:
        return run
    command = [sys.executable, "-m", "diffragan", "train", str(data), "--config", str(config)]
    command += ["--out", str(run), "--device", place.arguments.device]
    command += ["--validation", str(validation)] if validation else []
    command += ["--resume"] if began else []
    if subprocess.run(command, check=False).returncode:
        raise ConfigError(f"{run}: the training did not end well; see above")
    return run


def run_training(place: Place) -> None:
    runs = {METHOD: place.needed("run", "the training run")}
    for word in place.arguments.other_runs:
        name, _, path = word.rpartition("=")
        runs[name or path] = Path(path)
    described = {name: describe_run(run) for name, run in runs.items()}
    logs = {name: read_log(run / LOG, described[name]["steps"]) for name, run in runs.items()}
    caption = (
        "Training: mean FRC of validation views, whose proteins are not trained on, from 10 to "
        "2 Å (a), mean absolute difference from the truth (b), and the loss of the discriminator "
        "(c), against epochs of the training data."
    )
    best = {name: max(float(row["validation_frc"]) for row in log) for name, log in logs.items()}
    words = ", ".join(f"{name} {frc:.3f}" for name, frc in best.items())
    place.record(
        "training", "validation FRC against epoch",
        {"runs": described, "best_validation_frc": best, "logs": logs},
        {"training": (draw_progress(logs), caption, f"Best validation FRC: {words}.")},
    )  # fmt: skip


def run_training_proteins(place: Place) -> None:
    owner = place.train.read("structure")
    proteins = np.random.default_rng(place.seed).permutation(np.unique(owner))
    counts = [n for n in PROTEINS if n <= len(proteins)]
    total = min(
        place.arguments.training_views or VIEWS_TO_TRAIN_ON,
        *(n * int(np.bincount(owner).min()) for n in counts[:1]),
    )
    runs = {}
    for count in counts:
        each = total // count
        items = [int(i) for p in proteins[:count] for i in np.flatnonzero(owner == p)[:each]]
        path = place.out / "data" / f"train-{count}-proteins.zarr"
        if not path.exists():
            write_subset(place.train, items, path)
        data = TripletStore(path)
        run = train_small(place, f"proteins-{count}", path, {}, place.arguments.validation)
        runs[f"{count} protein{'s' if count > 1 else ''}, {len(data)} views"] = run
    names = [s["name"] for s in place.train.store.attributes["structures"]]
    _compare(
        place, "training-proteins", "number of training proteins", runs,
        f"Number of training proteins at {place.arguments.steps} steps: small networks, each on "
        "as many views of 1 to 20 proteins, and the same otherwise; sets of fewer proteins are "
        "parts of those of more.",
        {"order_of_proteins": [names[int(p)] for p in proteins], "training_views": total},
    )  # fmt: skip


def run_patch_size(place: Place) -> None:
    runs = {}
    path = place.out / "data" / "train-patches.zarr"
    if not path.exists():
        owner = place.train.read("structure")
        total = place.arguments.training_views or VIEWS_TO_TRAIN_ON
        each = max(1, total // len(np.unique(owner)))
        write_subset(place.train, first_views(place.train, each), path)
    for patch in PATCHES:
        overrides = {"discriminator": {"patch_pixels": patch}}
        run = train_small(place, f"patch-{patch}", path, overrides, place.arguments.validation)
        runs["whole image" if patch == "image" else f"{patch} px"] = run
    _compare(
        place, "patch-size", "size of the discriminator's patches", runs,
        f"Size of the piece of the image that one score of the discriminator judges, at "
        f"{place.arguments.steps} steps: small networks, the same otherwise.",
        {"training_views": len(TripletStore(path))},
    )  # fmt: skip


def _compare(
    place: Place,
    name: str,
    what: str,
    runs: Mapping[str, Path],
    caption: str,
    more: Mapping[str, Any],
) -> None:
    """Judge networks on the same views of the test proteins."""
    items = first_views(place.test, place.arguments.views or VIEWS_TO_JUDGE)
    alone = judge_image_alone(place.test, items)
    cases: Sequence[Case] = [
        Case(
            label,
            judge(
                place.test,
                items,
                drawn_by(ConditionalGanPhaser(run, place.arguments.device), place.test, None),
                label,
            ),
            alone,
        )
        for label, run in runs.items()
    ]
    limit = measured_limit(place.test.experiment)
    figure = draw_cases(cases, limit, "mean FRC falls below 0.5 at")
    words = (
        f"{caption} a: mean FRC over {len(items)} views of unseen proteins. b: mean FRC of single "
        f"views from {band_words(limit)}: median, quartiles, 5 to 95 %; the bar is the "
        "low-resolution image alone. One seed: small differences mean nothing."
    )
    means = "; ".join(f"{case.label}: {case.views.scores.mean():.2f}" for case in cases)
    results = {
        "cases": case_rows(cases),
        "runs": {label: describe_run(run) for label, run in runs.items()},
        "views_judged": len(items),
        "frequency_per_angstrom": limit.frequency_per_angstrom.tolist(),
        **more,
    }
    place.record(name, what, results, {name: (figure, words, f"Mean FRC: {means}.")})
