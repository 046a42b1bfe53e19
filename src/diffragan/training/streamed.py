"""Views that are simulated while they are needed: as many as there are steps, none shown twice.

Simulation and training do not know each other, so what is asked of a stream is said here.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from diffragan.config.experiment import Experiment
from diffragan.config.training import TrainingSettings
from diffragan.io.triplets import TripletStore
from diffragan.models.encoding import Encoding, contrast, fit_encoding
from diffragan.training.data import Batch, Views, check_grid, encode_views
from diffragan.training.material import Material, Share, check_validation, shared_molecules
from diffragan.typing import Float, Images, Mask, Patterns, Tensor

FITTED_VIEWS = 64
"""Views that the scales are found on; simulating more would delay the first step."""
FIRST_VALIDATION_VIEW = 2**40
"""Number of the first view that is judged and never learned from; no run gets there."""


class SimulatedViews(Protocol):
    """What one batch of a stream holds for a network."""

    @property
    def measured(self) -> Mask:
        """Where patterns were measured."""
        ...

    @property
    def low_resolution(self) -> Tensor:
        """Counts `(view, y, x)`."""
        ...

    @property
    def low_resolution_dose_e_per_a2(self) -> Float[Tensor, " view"]:
        """Dose of each low-resolution image [e/Å2]."""
        ...

    @property
    def high_resolution(self) -> Images:
        """True images, relative to the incident beam."""
        ...

    def patterns(self) -> Patterns:
        """Patterns as fractions of the incident beam."""
        ...


class Stream(Protocol):
    """Views that each depend on a seed and their number alone; goes to every process."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def identity(self) -> str:
        """Hash of the molecules, the experiment, what varies, and the seed."""
        ...

    @property
    def experiment(self) -> Experiment:
        """What all views share."""
        ...

    @property
    def epoch_views(self) -> int:
        """Views that count as an epoch: as many as `diffragan simulate` would make."""
        ...

    @property
    def molecules(self) -> Sequence[str]:
        """SHA-256 of each molecule."""
        ...

    def make(self, numbers: Sequence[int], device: str) -> SimulatedViews:
        """Make some views by their numbers."""
        ...

    def shares(
        self, first_step: int, share: Share, device: str
    ) -> Generator[SimulatedViews, None, None]:
        """Make a process's share of the batch of step after step, in worker processes."""
        ...


@dataclass(frozen=True, slots=True)
class StreamedViews:
    """Training views of a stream: those of the first step, those of the next, and so on."""

    stream: Stream
    encoding: Encoding
    device: str

    def shares(self, first_step: int, share: Share) -> Generator[Batch, None, None]:
        """Yield a process's share of the batch of step after step."""
        with closing(self.stream.shares(first_step, share, self.device)) as batches:
            for views in batches:
                yield encoded(views, self.stream.experiment, self.encoding)


@dataclass(frozen=True, slots=True)
class HeldViews:
    """Views that lie in memory."""

    views: Batch

    def batch(self, items: Sequence[int]) -> Batch:
        """Return some of them."""
        return Batch(self.views.observed[list(items)], self.views.truth[list(items)])


def streamed_material(
    stream: Stream,
    validation: Path | None,
    settings: TrainingSettings,
    encoding: Encoding | None,
    device: str,
) -> Material:
    """Learn from a stream, and be judged by a data set, or by views of the stream never shown.

    Parameters
    ----------
    validation : Data set to validate on. Without one, the same molecules are judged in orientations
        that are not learned from.
    encoding : Scales of the run that goes on; found on the first views when left out.
    device : Where views are simulated.

    Raises
    ------
    InputError : The data set or the experiment does not go with the network.
    """
    experiment = stream.experiment
    check_grid(experiment, settings, stream.name)
    if encoding is None:
        first = stream.make(range(FITTED_VIEWS), device)
        encoding = fit_encoding(
            settings.generator.pixels,
            _contrasts(first, experiment),
            first.patterns(),
            first.measured,
            first.high_resolution,
        )
    shown = StreamedViews(stream, encoding, device)
    if validation is None:
        numbers = range(FIRST_VALIDATION_VIEW, FIRST_VALIDATION_VIEW + settings.validation_views)
        judged = encoded(stream.make(numbers, device), experiment, encoding)
        return Material(
            stream.name, stream.identity, experiment, encoding, shown, stream.epoch_views,
            HeldViews(judged.to(torch.device("cpu"))), range(settings.validation_views),
            is_streamed=True,
        )  # fmt: skip
    store = TripletStore(validation)
    check_validation(store, experiment, stream.name)
    return Material(
        stream.name, stream.identity, experiment, encoding, shown, stream.epoch_views,
        Views(store, encoding, settings.memory_limit_mb), range(len(store)),
        shared_molecules(stream.molecules, store), is_streamed=True,
    )  # fmt: skip


def encoded(views: SimulatedViews, experiment: Experiment, encoding: Encoding) -> Batch:
    """Encode what a stream made."""
    return encode_views(
        _contrasts(views, experiment),
        views.patterns(),
        views.measured,
        views.high_resolution,
        encoding,
    )


def _contrasts(views: SimulatedViews, experiment: Experiment) -> Images:
    dose = views.low_resolution_dose_e_per_a2
    return contrast(views.low_resolution.float(), dose, experiment)
