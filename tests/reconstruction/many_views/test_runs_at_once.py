"""Runs of phase extension go on beside each other as far as the memory feeds them."""

import pytest

from diffragan.grid import Grid
from diffragan.reconstruction.many_views import needs
from diffragan.reconstruction.many_views.needs import runs_at_once

GRID = Grid(384, 148.0)
"""As of a protein of 47 kDa to 0.89 Å."""


@pytest.mark.parametrize(
    ("gigabytes", "threads", "at_once"), [(64, 8, 3), (64, 2, 2), (25, 2, 1), (8, 2, 1)]
)
def test_runs_that_do_not_fit_together_wait(
    monkeypatch: pytest.MonkeyPatch, gigabytes: float, threads: int, at_once: int
) -> None:
    monkeypatch.setattr(needs, "machine_memory_bytes", lambda: int(gigabytes * 1e9))
    assert runs_at_once(GRID, 1, threads) == at_once
