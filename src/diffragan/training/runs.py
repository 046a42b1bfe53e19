"""The folder of a training run: may it be written, and what is in it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffragan.config.experiment import Experiment
from diffragan.config.matching import first_difference, matching_command
from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, InputError, OutputError
from diffragan.io.checkpoints import LAST, Checkpoint, has_checkpoint, read_run
from diffragan.io.files import output_folder
from diffragan.training.material import Material

LOG = "training.csv"
SAMPLES = "samples"
TENSORBOARD = "tensorboard"
PARTS = ("generator", "average", "discriminator", "optimisers", "random")
"""What a checkpoint must hold for a run to go on."""
DESCRIBED = ("settings", "encoding", "experiment", "data_identity", "optimisers", "position")
CHANGEABLE = frozenset(
    {
        "preset",
        "steps",
        "epochs",
        "accumulate",
        "validation_views",
        "validate_every",
        "checkpoint_every",
        "memory_limit_mb",
    }
)
"""Settings that may differ when a run is resumed: they do not change what a step does."""


def holds_run(run: Path, *, resume: bool) -> bool:
    """Say whether a folder holds a run, which must be so to resume it and must not be otherwise.

    Raises
    ------
    OutputError : A run is there already, or a file.
    InputError : There is nothing to resume.
    """
    if run.is_file():
        raise OutputError(
            f"{run}: a file stands where the run folder should go; choose another name"
        )
    exists = run.is_dir() and has_checkpoint(run)
    if exists and not resume:
        raise OutputError(
            f"{run}: holds a training run, which is not overwritten; add --resume to go on with "
            "it, or choose another name"
        )
    if resume and not exists:
        raise InputError(f"{run}: holds no checkpoint to resume; leave --resume out to begin")
    return exists


def open_run(run: Path, settings: TrainingSettings, *, resume: bool) -> Checkpoint | None:
    """Make the folder of a run, or return the checkpoint to go on from.

    Raises
    ------
    OutputError : A run is there already, or the folder cannot be written to.
    InputError : There is nothing to resume, or it is damaged.
    ConfigError : The run to resume has another configuration.
    """
    exists = holds_run(run, resume=resume)
    output_folder(run / SAMPLES)
    if not exists:
        return None
    checkpoint = read_run(run, LAST, PARTS)
    _check_same_settings(run, checkpoint, settings)
    return checkpoint


def _check_same_settings(run: Path, checkpoint: Checkpoint, settings: TrainingSettings) -> None:
    description = checkpoint.description
    for name in DESCRIBED:
        if name not in description:
            raise InputError(f"{run}: its checkpoint does not say '{name}'; train again")
    try:
        before = TrainingSettings.model_validate(description["settings"])
    except ValidationError:
        raise InputError(f"{run}: its configuration is not one of this program") from None
    for name, old, new in differences(before.model_dump(), settings.model_dump(), CHANGEABLE):
        raise ConfigError(
            f"{run}: was trained with {name} {old}, not {new}; resume with the same configuration, "
            "or choose another name"
        )


def check_same_data(run: Path, description: Mapping[str, Any], material: Material) -> None:
    """Make sure that a run goes on with the views it learned from.

    Raises
    ------
    InputError : They are others; if their experiment is, too, says what differs and how to make it
        the same.
    """
    if description["data_identity"] == material.identity:
        return
    try:
        before = Experiment.model_validate(description["experiment"])
    except ValidationError:
        raise InputError(f"{run}: its experiment is not one of this program") from None
    if difference := first_difference(before, material.experiment):
        name, wanted, given = difference
        raise InputError(
            f"{run}: was trained with {name} {wanted}, {material.name} has {given}; resume with "
            f"the data set of the run, whose like is made by {matching_command(before, name)}"
        )
    raise InputError(f"{run}: was trained on another data set; resume with that one")


def differences(
    before: dict[str, Any], after: dict[str, Any], changeable: Collection[str], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the settings that differ, with both values; those that are `changeable` may."""
    for name, old in before.items():
        new = after[name]
        if name in changeable:
            continue
        if isinstance(old, dict):
            yield from differences(old, new, changeable, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name}", old, new
