"""The background makes batches ahead, in order, and hands on what goes wrong."""

import threading
import time
from collections.abc import Generator

import pytest
import torch

from diffragan.errors import InputError
from diffragan.training.feed import AHEAD, Feed


def numbers(made: list[int], count: int = 10**9) -> Generator[int, None, None]:
    try:
        for number in range(count):
            made.append(number)
            yield number
    finally:
        made.append(-1)


def threads_of_a_feed() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "feed"]


def test_batches_come_in_order_and_not_too_many_are_made() -> None:
    made: list[int] = []
    with Feed(numbers(made)) as feed:
        assert [feed.next() for _ in range(20)] == list(range(20))
        time.sleep(0.3)
        assert made[-1] <= 20 + AHEAD
    assert made[-1] == -1  # the generator was closed
    assert not threads_of_a_feed()


def test_leaving_early_ends_the_thread() -> None:
    with Feed(numbers([])) as feed:
        feed.next()
    assert not threads_of_a_feed()


def test_an_error_of_the_background_is_raised_where_a_batch_is_asked_for() -> None:
    def fails() -> Generator[int, None, None]:
        yield 1
        raise InputError("item 7 is damaged")

    with Feed(fails()) as feed:
        assert feed.next() == 1
        with pytest.raises(InputError, match="item 7"):
            feed.next()


def test_waiting_is_measured() -> None:
    def slow() -> Generator[int, None, None]:
        while True:
            time.sleep(0.05)
            yield 1

    with Feed(slow()) as feed:
        for _ in range(4):
            feed.next()
        assert feed.waited_s > 0.15


def test_the_threads_of_whoever_asks_are_its_own() -> None:
    before = torch.get_num_threads()
    inside: list[int] = []

    def looks() -> Generator[int, None, None]:
        inside.append(torch.get_num_threads())
        yield 1

    with Feed(looks()) as feed:
        feed.next()
    assert inside == [1]
    assert torch.get_num_threads() == before
