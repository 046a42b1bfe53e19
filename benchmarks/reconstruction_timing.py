"""CPU seconds of what is called, with those of the processes it starts."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took."""

    cpu_s: float
    """User and system time of this process and its children [s]."""
    wall_s: float

    def __add__(self, other: "Cost") -> "Cost":
        """Sum of both."""
        return Cost(self.cpu_s + other.cpu_s, self.wall_s + other.wall_s)


def cost_of(work: Callable[[], object]) -> Cost:
    """Do it, and return what it took."""
    before, began = os.times(), time.perf_counter()
    work()
    after = os.times()
    return Cost(sum(after[:4]) - sum(before[:4]), time.perf_counter() - began)
