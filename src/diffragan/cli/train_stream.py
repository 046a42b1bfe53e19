"""Views to train on that are simulated while they are needed: joins a stream to the training."""

import os
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from diffragan.config.experiment import Experiment
from diffragan.config.stream import StreamSettings
from diffragan.errors import ConfigError
from diffragan.io.provenance import fingerprint
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_batch import StreamBatch
from diffragan.simulation.stream_loader import stream_loader
from diffragan.structures.prepared import PreparedStructure
from diffragan.training.material import Share


@dataclass(frozen=True)
class FreshViews:
    """A stream of views as a training asks for it."""

    structures: Sequence[PreparedStructure]
    experiment: Experiment
    settings: StreamSettings
    seed: int
    workers: int | None
    """Processes that simulate for each training process on the CPU; 0 is itself."""

    @property
    def name(self) -> str:
        """Short name."""
        return f"stream of '{self.experiment.preset}'"

    @cached_property
    def identity(self) -> str:
        """Hash of all that decides what a view looks like; the batch does not."""
        varied = self.settings.model_dump(mode="json", exclude={"batch", "window"})
        return fingerprint(
            {
                "experiment": self.experiment.model_dump(mode="json", exclude={"orientations"}),
                "stream": varied,
                "structures": list(self.molecules),
                "seed": self.seed,
            }
        )

    @property
    def epoch_views(self) -> int:
        """Views that count as an epoch: as many as `diffragan simulate` would make."""
        alone = bool(self.experiment.specimen.conformations.populations)
        return self.experiment.orientations * (1 if alone else len(self.structures))

    @property
    def molecules(self) -> Sequence[str]:
        """SHA-256 of each molecule."""
        return [structure.sha256 for structure in self.structures]

    def make(self, numbers: Sequence[int], device: str) -> StreamBatch:
        """Make some views by their numbers."""
        return self._stream(device).batch(numbers)

    def shares(
        self, first_step: int, share: Share, device: str
    ) -> Generator[StreamBatch, None, None]:
        """Make a process's share of the batch of step after step."""
        stream = self._stream(
            device,
            batch=share.size,
            start=first_step * share.batch,
            process=share.process,
            processes=share.processes,
        )
        workers = self.workers
        if device == "cpu" and workers is None:
            # Half of the cores are left to the training.
            workers = max(1, (os.cpu_count() or 1) // 2 // share.processes)
        if device != "cpu" and workers is not None:
            raise ConfigError("--workers is for views simulated on the CPU; leave it out")
        with closing(stream_loader(stream, workers)) as batches:
            yield from batches

    def _stream(self, device: str, batch: int = 1, **options: Any) -> TripletStream:
        settings = self.settings.model_copy(update={"batch": batch})
        return TripletStream(
            self.structures, self.experiment, settings, seed=self.seed, device=device, **options
        )
