"""Everything one process of a run works with: put together at the start, saved on the way."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from diffragan.config.training import TrainingSettings
from diffragan.io.checkpoints import BEST, LAST, Checkpoint, write_checkpoint
from diffragan.io.provenance import provenance
from diffragan.models.encoding import Encoding
from diffragan.progress import tell
from diffragan.training.data import spread_over
from diffragan.training.material import Material, Share, stored_material
from diffragan.training.networks import (
    Networks,
    make_networks,
    network_tensors,
    optimiser_scalars,
    restore_networks,
)
from diffragan.training.position import Position
from diffragan.training.processes import together
from diffragan.training.recorder import Recorder
from diffragan.training.runs import check_same_data, open_run
from diffragan.training.streamed import Stream, streamed_material
from diffragan.training.symptoms import validation_symptoms
from diffragan.training.validation import validate


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a run; goes to every process."""

    data: Path | Stream
    settings: TrainingSettings
    run: Path
    validation: Path | None = None
    resume: bool = False
    max_minutes: float | None = None
    tensorboard: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """Data, networks and position of a run in one process."""

    run: Path
    settings: TrainingSettings
    material: Material
    share: Share
    steps: int
    """Steps of the whole run."""
    fabric: Fabric
    networks: Networks
    position: Position
    recorder: Recorder | None
    """Only the first process writes."""

    @property
    def validate_every(self) -> int:
        """Steps between validations."""
        return self.settings.validate_every or self.settings.epoch_steps(self.material.epoch_views)

    @property
    def checkpoint_every(self) -> int:
        """Steps between checkpoints."""
        return self.settings.checkpoint_every or self.validate_every

    @property
    def epoch(self) -> float:
        """How often each view was shown, on average."""
        return self.position.step * self.settings.batch / self.material.epoch_views


def begin(job: Job, fabric: Fabric) -> Session:
    """Open the data and the run, and make or restore the networks.

    Raises
    ------
    ConfigError, InputError, OutputError : What was asked for does not go together.
    """
    settings = job.settings
    with together(fabric):
        checkpoint = open_run(job.run, settings, resume=job.resume)
        if checkpoint is None:
            # Processes begin with random numbers of their own; nothing draws from these, and if
            # anything ever does it will be repeatable.
            torch.manual_seed(settings.seed)
        material = _material(job, checkpoint, str(fabric.device))
    # Not together: making them, processes talk to each other.
    networks, position = make_networks(settings, fabric), Position()
    recorder = None
    with together(fabric):
        if checkpoint is not None:
            described = checkpoint.description
            restore_networks(networks, checkpoint.tensors, described["optimisers"], job.run / LAST)
            position = Position.from_json(described["position"])
        if fabric.is_global_zero:
            recorder = Recorder(job.run, position.step, tensorboard=job.tensorboard)
            for note in material.notes:
                tell(note)
    return Session(
        job.run,
        settings,
        material,
        Share(settings.batch, fabric.global_rank, fabric.world_size),
        settings.all_steps(material.epoch_views),
        fabric,
        networks,
        position,
        recorder,
    )


def _material(job: Job, checkpoint: Checkpoint | None, device: str) -> Material:
    described = checkpoint.description if checkpoint else None
    encoding = Encoding.from_json(described["encoding"]) if described else None
    if isinstance(job.data, Path):
        material = stored_material(job.data, job.validation, job.settings, encoding)
    else:
        material = streamed_material(job.data, job.validation, job.settings, encoding, device)
    if described is not None:
        check_same_data(job.run, described, material)
    return material


def judge(session: Session, recorder: Recorder) -> None:
    """Validate, write the log and the pictures, and keep the networks if they are the best."""
    settings, position, material = session.settings, session.position, session.material
    figures, rows = validate(
        session.networks.used(settings),
        material.validation,
        spread_over(material.validation_items, settings.validation_views),
        material.encoding,
        batch=settings.batch,
        box_angstrom=material.experiment.box_angstrom,
        device=session.fabric.device,
    )
    recorder.warn(position.step, validation_symptoms(figures.variety, position))
    recorder.record(position.step, session.epoch, position.take_means(), figures, rows)
    if figures.frc > position.best_frc:
        position.best_frc = figures.frc
        save(session, BEST)


def save(session: Session, which: str) -> None:
    """Write a checkpoint.

    Raises
    ------
    OutputError : The place cannot be written to.
    """
    settings, material = session.settings.model_dump(mode="json"), session.material
    description = {
        "settings": settings,
        "encoding": material.encoding.as_json(),
        "experiment": material.experiment.model_dump(mode="json"),
        "data_identity": material.identity,
        "is_streamed": material.is_streamed,
        "optimisers": optimiser_scalars(session.networks),
        "position": asdict(session.position),
        "views_seen": session.position.step * session.settings.batch,
        "provenance": provenance(
            "train", settings, session.settings.seed, {material.name: material.identity}
        ),
    }
    tensors = network_tensors(session.networks)
    write_checkpoint(session.run / which, Checkpoint(tensors, description))
