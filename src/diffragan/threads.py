"""Computing with one thread, so that sums are added in one order on every machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread inside the block, and as many as before behind it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_thread_of_all() -> Iterator[None]:
    """Let the linear algebra of NumPy and SciPy use one thread inside the block, too.

    Around a whole run and not within its loops: it looks through all libraries, and an interrupt
    that comes meanwhile is lost.
    """
    with threadpool_limits(1, user_api="blas"), one_thread():
        yield
