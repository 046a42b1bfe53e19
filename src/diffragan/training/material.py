"""What a run learns from and what it is judged by, whether read from data sets or simulated."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from diffragan.config.experiment import Experiment
from diffragan.config.matching import first_difference, matching_command
from diffragan.config.training import TrainingSettings
from diffragan.errors import InputError
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import Encoding
from diffragan.training.data import (
    Batch,
    EncodedViews,
    Split,
    Views,
    batch_items,
    check_grid,
    fit_to_training_views,
    split_views,
)


@dataclass(frozen=True, slots=True)
class Share:
    """Which views of each effective batch a process computes: equal runs of neighbours."""

    batch: int
    """Views of an effective batch."""
    process: int = 0
    processes: int = 1

    @property
    def size(self) -> int:
        """Views of this process."""
        return self.batch // self.processes

    @property
    def first(self) -> int:
        """Place of its first view in the effective batch."""
        return self.process * self.size


class Shown(Protocol):
    """The views a run learns from, in the order they are shown."""

    def shares(self, first_step: int, share: Share) -> Generator[Batch, None, None]:
        """Yield a process's share of the batch of step after step, without end."""
        ...


@dataclass(frozen=True, slots=True)
class Material:
    """Views to learn from and views to judge by, of one experiment and in one encoding."""

    name: str
    identity: str
    """Hash of all that makes the views to learn from."""
    experiment: Experiment
    encoding: Encoding
    shown: Shown
    epoch_views: int
    """Views that count as an epoch."""
    validation: EncodedViews
    validation_items: Sequence[int]
    notes: tuple[str, ...] = ()
    """What the user should know about these data."""
    is_streamed: bool = False
    """Whether each view is simulated when it is shown, as `stream` of the settings says."""


@dataclass(frozen=True, slots=True)
class StoredViews:
    """Training views of a data set: every view once in each epoch, in an order from the seed."""

    views: EncodedViews
    items: Sequence[int]
    seed: int

    def shares(self, first_step: int, share: Share) -> Generator[Batch, None, None]:
        """Yield a process's share of the batch of step after step."""
        for step in count(first_step):
            items = batch_items(self.items, share.batch, step, self.seed)
            yield self.views.batch(items[share.first : share.first + share.size])


def stored_material(
    data: Path, validation: Path | None, settings: TrainingSettings, encoding: Encoding | None
) -> Material:
    """Open a data set to learn from, and what is judged by: another data set, or a part of it.

    Parameters
    ----------
    validation : Data set whose views are never learned from; a part of `data` when left out.
    encoding : Scales of the run that goes on; found on the training views when left out.

    Raises
    ------
    InputError : A data set is missing, damaged, too small, or does not go with the network or the
        other one.
    """
    store = TripletStore(data)
    check_grid(store.experiment, settings, str(data))
    if len(store) < 2:
        raise InputError(
            f"{data}: has {len(store)} view(s), and training needs two or more; simulate more "
            "orientations"
        )
    if validation is None:
        split = split_views(store.read("structure"), settings.validation_fraction, settings.seed)
        judged = store
    else:
        judged = TripletStore(validation)
        check_validation(judged, store.experiment, data.name)
        split = Split(list(range(len(store))), list(range(len(judged))))
    encoding = encoding or fit_to_training_views(store, split, settings.generator.pixels)
    views = Views(store, encoding, settings.memory_limit_mb)
    molecules = [entry["sha256"] for entry in store.store.attributes["structures"]]
    return Material(
        data.name,
        store.identity,
        store.experiment,
        encoding,
        StoredViews(views, split.training, settings.seed),
        len(split.training),
        views if judged is store else Views(judged, encoding, settings.memory_limit_mb),
        split.validation,
        () if judged is store else shared_molecules(molecules, judged),
    )


def check_validation(judged: TripletStore, experiment: Experiment, data: str) -> None:
    """Make sure that a data set to validate on goes with the data learned from.

    Raises
    ------
    InputError : It is empty, or its experiment is another one.
    """
    path = judged.store.path
    if len(judged) == 0:
        raise InputError(f"{path}: holds no view to validate on; make the data set again")
    if difference := first_difference(experiment, judged.experiment):
        name, wanted, given = difference
        raise InputError(
            f"{path}: has {name} {given}, but {data} has {wanted}; make views to validate on with "
            f"{matching_command(experiment, name)}"
        )


def shared_molecules(trained_on: Sequence[str], judged: TripletStore) -> tuple[str, ...]:
    """Say which molecules of a validation set are learned from, too.

    Parameters
    ----------
    trained_on : SHA-256 of each molecule that is learned from.
    """
    entries = judged.store.attributes["structures"]
    names = [entry["name"] for entry in entries if entry["sha256"] in set(trained_on)]
    if not names:
        return ()
    return (
        f"{judged.store.path}: shows {', '.join(names)}, which the network learns from; the "
        "validation FRC is not that of unseen molecules",
    )
