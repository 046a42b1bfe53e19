"""The training loop: steps, validations, checkpoints; ends by steps, time, or the user's wish."""

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric

from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError
from diffragan.io.checkpoints import LAST, read_run
from diffragan.progress import Bar, progress_bar
from diffragan.training.augmentation import augment
from diffragan.training.data import Batch
from diffragan.training.feed import Feed
from diffragan.training.interruption import ECHO_SECONDS, stop_requests
from diffragan.training.networks import update_average
from diffragan.training.precision import with_precision
from diffragan.training.processes import (
    any_process,
    is_first_process,
    launch,
    make_fabric,
    together,
)
from diffragan.training.session import Job, Session, begin, judge, save
from diffragan.training.step import adversarial_step
from diffragan.training.streamed import Stream
from diffragan.training.symptoms import step_symptoms

SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """Where a run ended."""

    run: Path
    step: int
    best_frc: float
    """Best validation FRC, mean from 10 to 2 Å."""
    reached_time_limit: bool


def train(
    data: Path | Stream,
    settings: TrainingSettings,
    run: Path,
    *,
    validation: Path | None = None,
    device: str = "cpu",
    processes: int = 1,
    resume: bool = False,
    max_minutes: float | None = None,
    tensorboard: bool = False,
) -> TrainingResult:
    """Train the conditional GAN on a data set of triplets into the folder `run`.

    Parameters
    ----------
    data : What `diffragan simulate` wrote, or views that are simulated while they are needed.
    settings : Networks, optimisation and validation.
    run : Gets `last/` and `best/` (checkpoints), `training.csv` and `samples/`.
    validation : Data set to validate on; a part of `data` when left out.
    device : `cpu`, `cuda` or `cuda:N`.
    processes : Processes that share each batch; on GPUs, one for each.
    resume : Go on from `run/last`, exactly as if the run had not been stopped.
    max_minutes : End after this time, as if all steps were done.
    tensorboard : Write curves and pictures for TensorBoard, too.

    Raises
    ------
    ConfigError : The training diverged, or the run to resume was configured otherwise.
    InputError : The data cannot be learned from.
    KeyboardInterrupt : The user asked to stop; `run/last` is written.
    """
    settings = with_precision(settings, device, run, resume=resume, talks=is_first_process())
    job = Job(data, settings, run, validation, resume, max_minutes, tensorboard)
    return launch(make_fabric(settings, device, processes), run_process, job)


def run_process(fabric: Fabric, job: Job) -> TrainingResult:
    """Train in this process, which may be one of several."""
    start = time.monotonic()
    limit = math.inf if job.max_minutes is None else job.max_minutes * SECONDS_PER_MINUTE
    session = begin(job, fabric)
    position, recorder = session.position, session.recorder
    done = min(position.step, session.steps)
    with (
        stop_requests(ECHO_SECONDS if fabric.world_size > 1 else 0) as asked_to_stop,
        progress_bar(session.steps, "training", done, shown=recorder is not None) as bar,
        Feed(_batches(session)) as feed,
    ):
        if position.step == 0:
            _write(session, bar, validated=False)
        reached_limit = _steps(session, bar, feed, start + limit, asked_to_stop)
        (stopped,) = any_process(fabric, asked_to_stop())
        _write(session, bar, validated=not stopped and position.summed > 0)
    if recorder is not None:
        recorder.close()
    if stopped:
        raise KeyboardInterrupt
    return TrainingResult(job.run, position.step, position.best_frc, reached_limit)


def _batches(session: Session) -> Generator[list[Batch], None, None]:
    """Yield what this process computes of each step to come, in micro-batches."""
    settings, share = session.settings, session.share
    for step, batch in enumerate(
        session.material.shown.shares(session.position.step, share), session.position.step
    ):
        changed = augment(batch, settings.seed, step, share.first) if settings.augment else batch
        yield changed.parts(settings.accumulate)


def _steps(
    session: Session,
    bar: Bar,
    feed: Feed[list[Batch]],
    deadline: float,
    asked_to_stop: Callable[[], bool],
) -> bool:
    """Train until all steps are done, the time is up (then return true), or the user stops it."""
    position, fabric = session.position, session.fabric
    while position.step < session.steps:
        began, waited = time.perf_counter(), feed.waited_s
        stopped, late = any_process(fabric, asked_to_stop(), time.monotonic() > deadline)
        if stopped or late:
            return late and not stopped
        with together(fabric):
            parts = feed.next()
        parts = [part.to(fabric.device) for part in parts]
        measured = adversarial_step(
            session.networks, parts, session.settings, fabric, position.step
        )
        _refuse_divergence(session, measured)
        update_average(session.networks, position.step, session.settings.average_decay)
        position.add(measured)
        symptoms = step_symptoms(measured, position)
        bar.advance()
        bar.note(_losses(measured))
        if session.recorder is not None:
            session.recorder.warn(position.step, symptoms)
            seconds = time.perf_counter() - began
            session.recorder.pace.add(session.settings.batch, seconds, feed.waited_s - waited)
        validated = position.step % session.validate_every == 0
        if validated or position.step % session.checkpoint_every == 0:
            _write(session, bar, validated=validated)
    return False


def _write(session: Session, bar: Bar, *, validated: bool) -> None:
    """Write a checkpoint, and validate first if it is time to; the other processes wait."""
    with together(session.fabric):
        if session.recorder is not None:
            bar.note("validating" if validated else "saving")
            if validated:
                judge(session, session.recorder)
            save(session, LAST)
    if validated and session.recorder is None:
        session.position.take_means()


def _refuse_divergence(session: Session, measured: dict[str, float]) -> None:
    bad = [name for name, value in measured.items() if not math.isfinite(value)]
    if not bad:
        return
    kept = read_run(session.run, LAST, ()).description["position"]["step"]
    raise ConfigError(
        f"{session.run}: the training diverged at step {session.position.step + 1} "
        f"({bad[0]} is not a number); last/ keeps the networks of step {kept}; lower "
        "learning_rate and train again"
    )


def _losses(measured: dict[str, float]) -> str:
    words = f"L1 {measured['l1']:.4f}  G {measured['generator_loss']:.2f}"
    if "discriminator_loss" in measured:
        words += f"  D {measured['discriminator_loss']:.2f}"
    return words
