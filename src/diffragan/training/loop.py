"""The training loop: steps, validations, checkpoints; ends by steps, time, or the user's wish."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError
from diffragan.io.checkpoints import BEST, LAST, Checkpoint, write_checkpoint
from diffragan.io.pictures import write_panels
from diffragan.io.provenance import provenance
from diffragan.io.training_log import Row, read_log, write_log
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import Encoding
from diffragan.progress import Bar, progress_bar
from diffragan.training.augmentation import augment
from diffragan.training.data import (
    Split,
    Views,
    batch_items,
    check_grid,
    fit_to_training_views,
    split_views,
)
from diffragan.training.interruption import stop_requests
from diffragan.training.networks import (
    Networks,
    adversarial_step,
    make_networks,
    network_tensors,
    optimiser_scalars,
    restore_networks,
    update_average,
)
from diffragan.training.position import Position
from diffragan.training.runs import LOG, SAMPLES, open_run
from diffragan.training.validation import Validation, validate

SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Where a run ended."""

    run: Path
    step: int
    best_frc: float
    """Best validation FRC, mean from 10 to 2 Å."""
    reached_time_limit: bool


@dataclass(frozen=True, slots=True)
class Session:
    """Everything one process works with."""

    run: Path
    settings: TrainingSettings
    store: TripletStore
    encoding: Encoding
    split: Split
    views: Views
    fabric: Fabric
    networks: Networks
    position: Position
    log: list[Row]


def train(
    data: Path,
    settings: TrainingSettings,
    run: Path,
    *,
    device: str = "cpu",
    resume: bool = False,
    max_minutes: float | None = None,
) -> TrainingResult:
    """Train the conditional GAN on a data set of triplets into the folder `run`.

    Parameters
    ----------
    data : What `diffragan simulate` wrote.
    settings : Networks, optimisation and validation.
    run : Gets `last/` and `best/` (checkpoints), `training.csv` and `samples/`.
    device : `cpu`, `cuda` or `cuda:N`.
    resume : Go on from `run/last`, exactly as if the run had not been stopped.
    max_minutes : End after this time, as if all steps were done.

    Raises
    ------
    ConfigError : The training diverged, or the run to resume was configured otherwise.
    KeyboardInterrupt : The user asked to stop; `run/last` is written.
    """
    start = time.monotonic()
    session = _begin(data, settings, run, device, resume)
    deadline = math.inf if max_minutes is None else start + max_minutes * SECONDS_PER_MINUTE
    position = session.position
    with (
        stop_requests() as asked_to_stop,
        progress_bar(settings.steps, "training", min(position.step, settings.steps)) as bar,
    ):
        reached_limit = _steps(session, bar, deadline, asked_to_stop)
        if not asked_to_stop() and position.summed:
            _validate(session, bar)
        _save(session, LAST)
        if asked_to_stop():
            raise KeyboardInterrupt
    return TrainingResult(run, position.step, position.best_frc, reached_limit)


def _begin(data: Path, settings: TrainingSettings, run: Path, device: str, resume: bool) -> Session:
    store = TripletStore(data)
    check_grid(store, settings)
    split = split_views(store.read("structure"), settings.validation_fraction, settings.seed)
    checkpoint = open_run(run, settings, store.identity, resume=resume)
    if checkpoint is None:
        encoding = fit_to_training_views(store, split, settings.generator.pixels)
    else:
        encoding = Encoding.from_json(checkpoint.description["encoding"])
    fabric = make_fabric(settings, device)
    networks = make_networks(settings, fabric)
    position = Position()
    if checkpoint is not None:
        description = checkpoint.description
        restore_networks(networks, checkpoint.tensors, description["optimisers"], run / LAST)
        position = Position.from_json(description["position"])
    log = read_log(run / LOG, position.step) if checkpoint else []
    views = Views(store, encoding, settings.memory_limit_mb)
    return Session(run, settings, store, encoding, split, views, fabric, networks, position, log)


def make_fabric(settings: TrainingSettings, device: str) -> Fabric:
    """Lightning Fabric on one device, `cpu`, `cuda` or `cuda:N`."""
    name, _, number = device.partition(":")
    devices: Any = 1 if name == "cpu" else [int(number or 0)]
    return Fabric(accelerator=name, devices=devices, precision=settings.precision)


def _steps(session: Session, bar: Bar, deadline: float, asked_to_stop: Callable[[], bool]) -> bool:
    """Train until all steps are done, the time is up (then return true), or the user stops it."""
    settings, position = session.settings, session.position
    while position.step < settings.steps and not asked_to_stop():
        if time.monotonic() > deadline:
            return True
        items = batch_items(session.split.training, settings.batch, position.step, settings.seed)
        batch = session.views.batch(items)
        if settings.augment:
            batch = augment(batch, settings.seed, position.step)
        batch = batch.to(session.fabric.device)
        measured = adversarial_step(
            session.networks, batch, settings.objective.l1_weight, session.fabric
        )
        if not all(math.isfinite(value) for value in measured.values()):
            raise ConfigError(
                f"{session.run}: the training diverged at step {position.step + 1} (a loss is "
                "not a number); lower learning_rate and train again"
            )
        update_average(session.networks, position.step)
        position.add(measured)
        bar.advance()
        bar.note(
            f"L1 {measured['l1']:.4f}  G {measured['generator_loss']:.2f}  "
            f"D {measured['discriminator_loss']:.2f}"
        )
        if position.step % settings.validate_every == 0:
            _validate(session, bar)
            _save(session, LAST)
    return False


def _validate(session: Session, bar: Bar) -> None:
    """Judge, log, draw samples, and keep the networks if they are the best so far."""
    settings, position = session.settings, session.position
    bar.note("validating")
    figures, rows = validate(
        session.networks.average,
        session.views,
        session.split.validation,
        session.encoding,
        batch=settings.batch,
        box_angstrom=session.store.experiment.box_angstrom,
        device=session.fabric.device,
    )
    session.log.append(_row(position.step, position.take_means(), figures))
    write_log(session.run / LOG, session.log)
    write_panels(session.run / SAMPLES / f"step_{position.step:07d}.png", rows)
    if figures.frc > position.best_frc:
        position.best_frc = figures.frc
        _save(session, BEST)


def _row(step: int, means: dict[str, float], figures: Validation) -> Row:
    numbers = {**means, **{f"validation_{name}": v for name, v in asdict(figures).items()}}
    return {"step": str(step), **{name: f"{value:.6g}" for name, value in numbers.items()}}


def _save(session: Session, which: str) -> None:
    settings = session.settings.model_dump(mode="json")
    identity = session.store.identity
    description = {
        "settings": settings,
        "encoding": session.encoding.as_json(),
        "experiment": session.store.experiment.model_dump(mode="json"),
        "data_identity": identity,
        "optimisers": optimiser_scalars(session.networks),
        "position": asdict(session.position),
        "views_seen": session.position.step * session.settings.batch,
        "provenance": provenance(
            "train", settings, session.settings.seed, {session.store.store.path.name: identity}
        ),
    }
    tensors = network_tensors(session.networks)
    write_checkpoint(session.run / which, Checkpoint(tensors, description))
