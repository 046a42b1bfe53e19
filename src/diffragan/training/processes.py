"""One process or several: how they start, and how they agree to stop or to fail.

A process that left its loop alone would leave the others waiting for its gradients.
"""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children
from types import FrameType
from typing import Any, Generic, TypeVar

import torch
from lightning_fabric import Fabric
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

from diffragan.config.training import TrainingSettings
from diffragan.errors import ConfigError, DiffraganError
from diffragan.training.interruption import SIGNALS
from diffragan.training.precision import arithmetic

Job = TypeVar("Job")
Result = TypeVar("Result")

# Here and not where a Fabric is made: processes that are started announce themselves before that.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)

FAILURES = (DiffraganError, OSError, MemoryError)
"""What can go wrong in one process and not in another."""


class _Outcome(Generic[Result]):
    """What a started process sends back: errors by themselves, without their traceback.

    No dataclass, for Fabric would look for tensors in it and refuse that it is frozen.
    """

    def __init__(self, result: Result | None, failure: BaseException | None) -> None:
        self.result = result
        self.failure = failure


def started_outside() -> bool:
    """Whether `torchrun` or the like started this process and others beside it."""
    return "LOCAL_WORLD_SIZE" in os.environ and "WORLD_SIZE" in os.environ


def is_first_process() -> bool:
    """Whether this process is the one that talks to the user."""
    return not started_outside() or os.environ.get("RANK", "0") == "0"


def make_fabric(settings: TrainingSettings, device: str, processes: int = 1) -> Fabric:
    """Lightning Fabric on `cpu`, `cuda` or `cuda:N`, in one process or several.

    Raises
    ------
    ConfigError : The processes cannot share a batch, there are fewer GPUs than processes, or
        `torchrun` started another number.
    """
    name, _, number = device.partition(":")
    shares = settings.accumulate * (
        int(os.environ["WORLD_SIZE"]) if started_outside() else processes
    )
    if settings.batch % shares:
        raise ConfigError(
            f"batch is {settings.batch}, which cannot be cut into {shares} equal parts (processes "
            f"times accumulate); use a multiple of {shares}"
        )
    if started_outside():
        world, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        if processes not in (1, world):
            raise ConfigError(
                f"--processes is {processes}, but {world} were started; leave --processes out"
            )
        return Fabric(
            accelerator=name,
            devices=local,
            num_nodes=world // local,
            strategy="ddp",
            precision=arithmetic(settings),
        )
    if processes > 1:
        if name == "cuda" and processes > torch.cuda.device_count():
            raise ConfigError(
                f"--processes is {processes}, but this machine has {torch.cuda.device_count()} "
                "GPUs; use as many processes as GPUs"
            )
        return Fabric(
            accelerator=name,
            devices=processes,
            strategy="ddp_spawn",
            precision=arithmetic(settings),
        )
    devices: Any = 1 if name == "cpu" else [int(number or 0)]
    return Fabric(accelerator=name, devices=devices, precision=arithmetic(settings))


def launch(fabric: Fabric, work: Callable[[Fabric, Job], Result], job: Job) -> Result:
    """Do `work` in all processes of `fabric`, which are started if they have to be.

    Raises
    ------
    ConfigError : A process was killed.
    KeyboardInterrupt : The user asked to stop, and all processes have.
    """
    if fabric.strategy.launcher is None or started_outside():
        fabric.launch()
        return work(fabric, job)
    with _signals_forwarded() as asked_to_stop:
        try:
            outcome: _Outcome[Result] = fabric.launch(partial(_guarded, work, job))
        except (ProcessExitedException, ProcessRaisedException) as error:
            if asked_to_stop():
                raise KeyboardInterrupt from None
            if isinstance(error, ProcessRaisedException):
                raise
            raise ConfigError(
                "a training process was killed, perhaps for want of memory; use fewer processes "
                "or a smaller batch, and --resume to go on"
            ) from None
    if outcome.failure is not None:
        raise outcome.failure
    assert outcome.result is not None
    return outcome.result


@contextmanager
def together(fabric: Fabric) -> Iterator[None]:
    """Make what goes wrong in one process go wrong in all, with the same words."""
    failure: BaseException | None = None
    try:
        yield
    except FAILURES as error:
        if fabric.world_size == 1:
            raise
        failure = error
    if fabric.world_size > 1:
        failure = _first_failure(fabric, failure)
    if failure is not None:
        raise failure


def any_process(fabric: Fabric, *answers: bool) -> list[bool]:
    """Say of each question whether any process answers yes."""
    if fabric.world_size == 1:
        return list(answers)
    counted = fabric.all_reduce(
        torch.tensor(answers, dtype=torch.int32, device=fabric.device), reduce_op="sum"
    )
    assert isinstance(counted, torch.Tensor)
    return [count > 0 for count in counted.tolist()]


def _first_failure(fabric: Fabric, failure: BaseException | None) -> BaseException | None:
    (failed,) = any_process(fabric, failure is not None)
    if not failed:
        return None
    gathered: list[BaseException | None] = [None] * fabric.world_size
    torch.distributed.all_gather_object(gathered, failure)
    return next(error for error in gathered if error is not None)


def _guarded(work: Callable[[Fabric, Job], Result], job: Job, fabric: Fabric) -> "_Outcome[Result]":
    try:
        return _Outcome(work(fabric, job), None)
    except (*FAILURES, KeyboardInterrupt) as error:
        return _Outcome(None, error)


@contextmanager
def _signals_forwarded() -> Iterator[Callable[[], bool]]:
    """Pass requests to stop on to the processes that were started, and say whether any came."""
    asked = False

    def forward(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        for child in active_children():
            child.terminate()

    before = {number: signal.signal(number, forward) for number in SIGNALS}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
