"""Worker processes for a stream of views, which end with the loop that uses them."""

from collections.abc import Generator, Iterator
from dataclasses import fields
from math import ceil
from traceback import clear_frames
from typing import Any

import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, IterableDataset

from diffragan.errors import ConfigError, DiffraganError
from diffragan.simulation.interrupts import interrupts_held_back
from diffragan.simulation.stream import TripletStream
from diffragan.simulation.stream_batch import StreamBatch
from diffragan.simulation.workers import worker_count

Arrays = dict[str, NDArray[Any]]

MANY_ITEMS = 1_000_000
"""An endless stream is worth every worker that the machine has."""
PREFETCHED = 2
"""Batches that each worker makes ahead."""


def stream_loader(
    stream: TripletStream, workers: int | None = None
) -> Generator[StreamBatch, None, None]:
    """Yield a stream's batches from worker processes of one thread each, in the stream's order.

    The workers stay until the stream ends or the generator is closed; leaving its loop early is
    clean with `contextlib.closing`. They import the script that starts them, so that needs its
    `__main__` guard.

    Parameters
    ----------
    stream : The views. A stream on a GPU is made by this process.
    workers : Processes; 0 is this process, all cores when left out.

    Raises
    ------
    ConfigError : The workers cannot be used, do not fit into the memory, or one has died; also
        whatever the stream finds wrong with a view.
    """
    on_cpu = stream.plan.device == "cpu"
    if workers and not on_cpu:
        raise ConfigError(
            f"{workers} workers cannot share the device '{stream.plan.device}'; leave workers out"
        )
    if workers == 0 or not on_cpu:
        yield from stream
        return
    processes = worker_count(workers, MANY_ITEMS, stream.plan.experiment)
    if stream.items is not None:
        processes = min(processes, ceil(stream.items / stream.settings.batch))
    # An own generator: the caller's random numbers stay as they are.
    loader: DataLoader[Any] = DataLoader(
        _Sending(stream),
        batch_size=None,
        collate_fn=_as_it_is,
        num_workers=processes,
        prefetch_factor=PREFETCHED,
        # New processes without this one's threads, which end at once: PyTorch's own threads may
        # abort an interpreter that takes its time to end.
        multiprocessing_context="forkserver",
        generator=torch.Generator().manual_seed(stream.plan.seed),
    )
    with interrupts_held_back():
        made = iter(loader)
    try:
        for batch in made:
            yield _received(batch)
    except BaseException as error:
        # Its frames would keep the processes alive for as long as the error is.
        clear_frames(error.__traceback__)
        if isinstance(error, RuntimeError) and "DataLoader worker" in str(error):
            raise ConfigError(
                "a worker of the stream was killed, perhaps for want of memory; use fewer workers"
            ) from None
        raise
    finally:
        # The last reference to them ends them.
        del made


def _received(made: Arrays | DiffraganError) -> StreamBatch:
    if isinstance(made, DiffraganError):
        raise made
    return StreamBatch(**{name: torch.from_numpy(array) for name, array in made.items()})


def _as_it_is(made: Any) -> Any:
    return made


class _Sending(IterableDataset[Any]):
    """A stream as workers send it: arrays, and errors, which a loader would wrap in a traceback.

    Tensors would go through shared memory, of which containers have little.
    """

    def __init__(self, stream: TripletStream) -> None:
        super().__init__()
        self._stream = stream

    def __iter__(self) -> Iterator[Arrays | DiffraganError]:
        try:
            for batch in self._stream:
                yield {field.name: getattr(batch, field.name).numpy() for field in fields(batch)}
        except DiffraganError as error:
            yield error
