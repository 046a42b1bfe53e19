"""Training of the unrolled network: lessons, steps, validations, checkpoints."""

import math
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from pydantic import ValidationError

from diffragan.config.experiment import Experiment
from diffragan.config.unrolled_training import UnrolledTraining
from diffragan.errors import ConfigError, InputError
from diffragan.io.checkpoints import (
    BEST,
    LAST,
    Checkpoint,
    fill_module,
    read_run,
    write_checkpoint,
)
from diffragan.io.files import output_folder
from diffragan.io.provenance import provenance
from diffragan.io.training_log import read_log, write_log
from diffragan.io.triplets import TripletStore
from diffragan.phasing.weights import read_unrolled
from diffragan.progress import progress_bar
from diffragan.training.feed import Feed
from diffragan.training.interruption import stop_requests
from diffragan.training.precision import arithmetic, with_precision
from diffragan.training.runs import LOG, differences, holds_run
from diffragan.training.unrolled.conditions import Lesson, draw_lesson
from diffragan.training.unrolled.objective import objective
from diffragan.training.unrolled.state import (
    PARTS,
    State,
    checkpoint_of,
    learning_rate,
    make_state,
    restore,
    update_average,
)
from diffragan.training.unrolled.validation import Figures, validate, validation_lessons
from diffragan.training.unrolled.waves import WavePool, read_pool

SECONDS_PER_MINUTE = 60
FREE_TO_CHANGE = ("preset", "validate_every", "checkpoint_every")
"""Settings that a resumed run may change, for no step depends on them."""


@dataclass(frozen=True, slots=True)
class UnrolledResult:
    """Where a run ended."""

    run: Path
    step: int
    best_frc: float
    reached_time_limit: bool


@dataclass(slots=True)
class _Run:
    """What the loop works with."""

    folder: Path
    settings: UnrolledTraining
    pool: WavePool
    base: Experiment
    judged: list[Lesson]
    fabric: Fabric
    state: State
    described: dict[str, Any]
    rows: list[dict[str, str]]


def train_unrolled(
    data: Path,
    settings: UnrolledTraining,
    run: Path,
    *,
    validation: Path | None = None,
    start_from: Path | None = None,
    device: str = "cpu",
    resume: bool = False,
    max_minutes: float | None = None,
) -> UnrolledResult:
    """Train the unrolled network on the waves of a data set into the folder `run`.

    Whatever a network sees of a wave is made anew from it at every step; of the data set only the
    waves are used. A step depends on the settings and its number alone, so a resumed run goes on
    exactly, on the same kind of device.

    Parameters
    ----------
    data : What `diffragan simulate` wrote.
    settings : Network, conditions and optimisation.
    run : Gets `last/` and `best/` (checkpoints) and `training.csv`.
    validation : Data set of other molecules to validate on; `data` itself when left out.
    start_from : Weights to begin with, those of a run or of a folder like the packaged ones.
    device : `cpu`, `cuda` or `cuda:N`.
    resume : Go on from `run/last`.
    max_minutes : End after this time, as if all steps were done.

    Raises
    ------
    ConfigError : The training diverged, or the run to resume was configured otherwise.
    InputError : The data cannot be learned from.
    OutputError : A run is there already.
    KeyboardInterrupt : The user asked to stop; `run/last` is written.
    """
    limit = time.monotonic() + (
        math.inf if max_minutes is None else max_minutes * SECONDS_PER_MINUTE
    )
    settings = with_precision(settings, device, run, resume=resume)
    begun = _begin(data, settings, run, validation, start_from, device, resume)
    state, steps = begun.state, settings.steps
    with (
        stop_requests() as asked_to_stop,
        progress_bar(steps, "training", min(state.position.step, steps)) as bar,
        Feed(_lessons(begun)) as feed,
    ):
        if state.position.step == 0:
            _save(begun, LAST)
        while state.position.step < steps and time.monotonic() < limit and not asked_to_stop():
            measured = _step(begun, feed.next())
            bar.advance()
            bar.note(f"loss {measured['loss']:.3f}  FRC {measured['frc']:.3f}")
            if state.position.step % settings.validate_every == 0:
                _judge(begun)
            if state.position.step % settings.checkpoint_every == 0:
                _save(begun, LAST)
        stopped = asked_to_stop()
        if not stopped and state.position.summed:
            _judge(begun)
        _save(begun, LAST)
    if stopped:
        raise KeyboardInterrupt
    position = state.position
    return UnrolledResult(run, position.step, position.best_frc, position.step < steps)


def _begin(
    data: Path,
    settings: UnrolledTraining,
    run: Path,
    validation: Path | None,
    start_from: Path | None,
    device: str,
    resume: bool,
) -> _Run:
    checkpoint = _open(run, settings, resume)
    store = TripletStore(data)
    judged_store = store if validation is None else TripletStore(validation)
    described = _description(store, settings, start_from)
    if checkpoint is not None:
        described["started_from"] = checkpoint.description.get("started_from")
    if checkpoint is not None and checkpoint.description.get("data_identity") != store.identity:
        raise InputError(f"{run}: was trained on another data set; resume with that one")
    pool = read_pool(store, settings.network)
    judged = validation_lessons(
        read_pool(judged_store, settings.network), judged_store.experiment, settings
    )
    name, _, number = device.partition(":")
    fabric = Fabric(
        accelerator=name, devices=[int(number)] if number else 1, precision=arithmetic(settings)
    )
    state = make_state(settings, fabric.device)
    if checkpoint is not None:
        restore(state, checkpoint, run / LAST)
    elif start_from is not None:
        first = read_unrolled(start_from)
        for module in (state.network, state.average):
            fill_module(module, dict(first.tensors), start_from)
    rows = read_log(run / LOG, state.position.step) if state.position.step else []
    return _Run(run, settings, pool, store.experiment, judged, fabric, state, described, rows)


def _open(run: Path, settings: UnrolledTraining, resume: bool) -> Checkpoint | None:
    """Make the folder of a run, or return the checkpoint to go on from."""
    exists = holds_run(run, resume=resume)
    output_folder(run)
    if not exists:
        return None
    if read_run(run, LAST, ()).description.get("kind") != "unrolled":
        raise InputError(f"{run}: is a run of another kind of network; choose another name")
    checkpoint = read_run(run, LAST, PARTS)
    try:
        before = UnrolledTraining.model_validate(checkpoint.description.get("settings"))
    except ValidationError:
        raise InputError(f"{run}: its configuration is not one of this program") from None
    for name, old, new in differences(before.model_dump(), settings.model_dump(), FREE_TO_CHANGE):
        raise ConfigError(
            f"{run}: was trained with {name} {old}, not {new}; resume with the same "
            "configuration, or choose another name"
        )
    return checkpoint


def _description(
    store: TripletStore, settings: UnrolledTraining, start_from: Path | None
) -> dict[str, Any]:
    written = settings.model_dump(mode="json")
    return {
        "kind": "unrolled",
        "settings": written,
        "data_identity": store.identity,
        "molecules": sorted(entry["name"] for entry in store.store.attributes["structures"]),
        "views": len(store),
        "energy_kev": store.experiment.energy_kev,
        "started_from": None if start_from is None else str(start_from),
        "provenance": provenance(
            "train", written, settings.seed, {store.store.path.name: store.identity}
        ),
    }


def _lessons(run: _Run) -> Generator[Lesson, None, None]:
    settings, step = run.settings, run.state.position.step
    while True:
        yield draw_lesson(
            run.pool, run.base, settings.conditions, settings.batch, (settings.seed, step)
        )
        step += 1


def _step(run: _Run, lesson: Lesson) -> dict[str, float]:
    state, settings = run.state, run.settings
    lesson = lesson.to(run.fabric.device)
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(settings, state.position.step)
    with run.fabric.autocast():
        guesses = state.network(lesson.view)
    loss, measured = objective(guesses, lesson, settings.objective)
    state.optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_limit)
    values = {name: float(value.detach()) for name, value in measured.items()}
    if not math.isfinite(values["loss"]) or not math.isfinite(float(norm)):
        raise ConfigError(
            f"{run.folder}: the training diverged at step {state.position.step + 1}; last/ keeps "
            "an earlier step; lower learning_rate and train again"
        )
    state.optimiser.step()
    update_average(state, settings.average_decay)
    state.position.add(values)
    return values


def _judge(run: _Run) -> None:
    """Validate, write a row of the log, and keep the weights if they are the best."""
    position = run.state.position
    nyquist = 1 / (2 * run.pool.grid.pixel_angstrom)
    with run.fabric.autocast():
        figures = validate(run.state.average, run.judged, run.fabric.device, nyquist)
    views = position.step * run.settings.batch
    run.rows.append(_row(position.step, views, position.take_means(), figures))
    write_log(run.folder / LOG, run.rows)
    if figures.frc > position.best_frc:
        position.best_frc = figures.frc
        _save(run, BEST)


def _row(step: int, views: int, means: dict[str, float], figures: Figures) -> dict[str, str]:
    judged = {f"validation_{name}": value for name, value in asdict(figures).items()}
    numbers = {name: f"{value:.6g}" for name, value in {**means, **judged}.items()}
    return {"step": str(step), "views": str(views), **numbers}


def _save(run: _Run, which: str) -> None:
    described = {**run.described, "views_seen": run.state.position.step * run.settings.batch}
    write_checkpoint(run.folder / which, checkpoint_of(run.state, described))
