"""One process or several: how they start, and how they agree to stop or to fail.

A process that left its loop alone would leave the others waiting for its gradients.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning_fabric import Fabric

from diffragan.config.training import TrainingSettings
from diffragan.errors import DiffraganError

FAILURES = (DiffraganError, OSError, MemoryError)
"""What can go wrong in one process and not in another."""


def make_fabric(settings: TrainingSettings, device: str, processes: int = 1) -> Fabric:
    """Lightning Fabric on `cpu`, `cuda` or `cuda:N`, in one process or several."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    name, _, number = device.partition(":")
    if processes > 1:
        return Fabric(
            accelerator=name, devices=processes, strategy="ddp_spawn", precision=settings.precision
        )
    devices: Any = 1 if name == "cpu" else [int(number or 0)]
    return Fabric(accelerator=name, devices=devices, precision=settings.precision)


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
