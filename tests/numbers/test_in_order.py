"""Work on all cores, its results in order, each computed with one thread."""

import threading
import time

import pytest
import torch

from diffragan.errors import ConfigError, InputError
from diffragan.in_order import AHEAD, in_order, thread_count
from diffragan.threads import one_thread


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order_and_few_are_waited_for(threads: int) -> None:
    started: list[int] = []
    taken = 0

    def work(number: int) -> int:
        started.append(number)
        time.sleep(0.002 * (number % 3))
        assert torch.get_num_threads() == 1
        return number**2

    for taken, found in enumerate(in_order(work, range(40), threads)):
        assert found == taken**2
        assert len(started) <= taken + AHEAD * threads + 1
    assert taken == 39


def test_an_error_in_a_batch_ends_the_work_and_leaves_no_thread() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise InputError("batch 3 is bad")
        return number

    before = threading.active_count()
    with pytest.raises(InputError, match="batch 3"):
        list(in_order(work, range(100), 2))
    assert threading.active_count() == before


def test_threads_wanted_and_found() -> None:
    assert thread_count(3) == 3
    assert thread_count(None) >= 1
    assert thread_count(None, "cuda") == 1
    with pytest.raises(ConfigError, match="0; use 1 or more"):
        thread_count(0)


def test_whoever_stops_asking_ends_the_work() -> None:
    """As an interruption does: what was handed out and not begun is never done."""
    before, begun = threading.active_count(), []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.002)
        return number

    results = in_order(work, range(1000), 2)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
    assert len(begun) <= 1 + 2 * AHEAD


def test_one_thread_computes_inside_and_as_many_as_before_behind_even_after_an_error() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with pytest.raises(InputError), one_thread():
            raise InputError("a batch is bad")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
