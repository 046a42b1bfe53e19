"""`diffragan train`: the paper's conditional GAN or the unrolled network, on simulated data."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from diffragan.config.training import TrainingSettings
    from diffragan.training.streamed import Stream


@dataclass(frozen=True)
class Arguments:
    """Train a network on a data set that `diffragan simulate` wrote.

    Presets paper and paper-small train the paper's conditional GAN. With --stream it learns from
    prepared structures themselves: each view is simulated when it is needed, and none is shown
    twice. Preset unrolled trains the network of `phase --method hybrid`: of the data set it takes
    the waves alone, and observes them anew at every step.

    Example: diffragan train data.zarr --preset paper-small --steps 200 --out run/
    """

    data: tyro.conf.Positional[tuple[Path, ...]]
    """Data set of triplets, a folder whose name ends in .zarr; with --stream files that `diffragan
    prepare` wrote, folders of them, or lists that `split` wrote."""
    out: Path
    """The folder of the run: checkpoints, losses and sample pictures."""
    preset: str | None = None
    """Training to start from: paper-small (the default), paper, or unrolled."""
    config: Path | None = None
    """YAML file whose settings replace the preset's."""
    stream: str | None = None
    """Experiment to simulate views of while training: a preset, as paper-128, or a YAML file."""
    workers: int | None = None
    """With --stream on the CPU: processes that simulate, 0 for the one that trains; half of the
    cores when left out."""
    start_from: Path | None = None
    """Preset unrolled: weights to begin with, a run or `packaged`, to make a specialised network of
    a general one."""
    validation: Path | None = None
    """Data set to validate on; a part of the data is kept out of training when left out."""
    seed: int | None = None
    """Seed of the first weights, of the split and of the order of the views."""
    steps: int | None = None
    """Optimiser steps in all."""
    epochs: float | None = None
    """Or how often every view is shown."""
    batch: int | None = None
    """Views of a step."""
    accumulate: int | None = None
    """Parts that a batch is computed in, one after the other, to need less memory."""
    processes: int = 1
    """Processes that share each batch, on GPUs one for each; `torchrun` may start them, too."""
    precision: str | None = None
    """32-true, bf16-mixed, or auto: bf16-mixed where the device computes in bfloat16."""
    checkpoint_every: int | None = None
    """Steps between checkpoints; at each validation when left out."""
    validate_every: int | None = None
    """Steps between validations."""
    device: str = "auto"
    """auto, cpu or cuda."""
    resume: bool = False
    """Go on with the run in --out, exactly as if it had not been stopped."""
    max_minutes: float | None = None
    """End after this time, with a checkpoint, whatever the number of steps."""
    tensorboard: bool = False
    """Write curves and pictures for TensorBoard (an extra) into the run."""


SETTINGS = (
    "seed", "steps", "epochs", "batch", "accumulate", "precision", "checkpoint_every",
    "validate_every",
)  # fmt: skip
"""Options that are settings, too."""


def run(arguments: Arguments) -> None:
    """Train, and say what came of it."""
    from diffragan.config.load import load_training, trains_unrolled
    from diffragan.device import choose_device
    from diffragan.errors import ConfigError
    from diffragan.io.checkpoints import has_checkpoint
    from diffragan.training.loop import train
    from diffragan.training.processes import is_first_process

    if trains_unrolled(arguments.preset, arguments.config):
        from diffragan.cli.train_unrolled import run_unrolled

        run_unrolled(arguments)
        return
    if arguments.start_from is not None:
        raise ConfigError("--start-from is for the preset unrolled; leave it out")
    wanted = {name: getattr(arguments, name) for name in SETTINGS}
    settings = load_training(
        arguments.preset,
        arguments.config,
        {key: value for key, value in wanted.items() if value is not None},
    )
    if arguments.max_minutes is not None and not arguments.max_minutes > 0:
        raise ConfigError(f"--max-minutes is {arguments.max_minutes}; use more than 0")
    device = choose_device(arguments.device)
    data = _data(arguments, settings)
    if arguments.processes < 1:
        raise ConfigError(f"--processes is {arguments.processes}; use 1 or more")
    talks = is_first_process()
    if talks:
        print(announcement(data, settings, device))
    try:
        result = train(
            data,
            settings,
            arguments.out,
            validation=arguments.validation,
            device=device,
            processes=arguments.processes,
            resume=arguments.resume,
            max_minutes=arguments.max_minutes,
            tensorboard=arguments.tensorboard,
        )
    except KeyboardInterrupt:
        if talks and has_checkpoint(arguments.out):
            print(f"stopped; `--resume` goes on from {arguments.out / 'last'}")
        raise
    if not talks:
        return
    ended = "time limit reached at" if result.reached_time_limit else "trained"
    print(
        f"{ended} step {result.step}; best validation FRC (10 to 2 Å) {result.best_frc:.3f}\n"
        f"wrote {arguments.out}: best/ and last/ (networks), training.csv, samples/"
    )


def _data(arguments: Arguments, settings: "TrainingSettings") -> "Path | Stream":
    """Return the data set to learn from, or the stream."""
    from diffragan.config.load import load_experiment
    from diffragan.errors import ConfigError

    if arguments.stream is None:
        if arguments.workers is not None:
            raise ConfigError("--workers simulate views; give --stream, too, or leave it out")
        if len(arguments.data) != 1:
            raise ConfigError(
                f"{len(arguments.data)} data sets were given; give one, as `diffragan simulate` "
                "makes of many structures"
            )
        return arguments.data[0]
    from diffragan.cli.train_stream import FreshViews
    from diffragan.structures.prepared import read_prepared_many

    if arguments.workers is not None and arguments.workers < 0:
        raise ConfigError(f"--workers is {arguments.workers}; use 0 or more")
    is_file = arguments.stream.endswith((".yaml", ".yml"))
    experiment = (
        load_experiment(file=Path(arguments.stream))
        if is_file
        else load_experiment(arguments.stream)
    )
    structures = read_prepared_many(arguments.data)
    return FreshViews(structures, experiment, settings.stream, settings.seed, arguments.workers)


def announcement(data: "Path | Stream", settings: "TrainingSettings", device: str) -> str:
    """Say how large the networks are and how much memory training will take."""
    from diffragan.io.triplets import TripletStore
    from diffragan.models.patchgan import PatchGan
    from diffragan.models.unet import UNet, parameter_count
    from diffragan.training.memory import training_memory_bytes

    views = len(TripletStore(data)) if isinstance(data, Path) else 0
    shown = f"{views} views" if isinstance(data, Path) else f"fresh views, {data.name}"
    generator = parameter_count(UNet(settings.generator))
    discriminator = parameter_count(PatchGan(settings.discriminator, settings.generator))
    gigabytes = training_memory_bytes(settings, views, generator + discriminator) / 1e9
    return (
        f"{shown}; generator {generator / 1e6:.2f} M, discriminator "
        f"{discriminator / 1e6:.2f} M parameters; about {gigabytes:.1f} GB of memory on {device}"
    )
