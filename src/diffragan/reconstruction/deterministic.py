"""Sums in one fixed order, so that the same data give the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic_sums() -> Iterator[None]:
    """Let PyTorch add in a fixed order within the block.

    Its scattered sums of float32 otherwise run on all threads at once and add in the order in
    which the threads arrive.
    """
    before = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warned)
