"""Items one by one on every core, in their order."""

import threading

import pytest
import torch

from diffragan.phasing import rows
from diffragan.phasing.rows import by_rows

CPU = torch.device("cpu")


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_rows_come_back_in_the_order_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(rows, "thread_count", lambda _wanted: cores)
    asked = [4, 0, 3, 3, 9, 1]
    seen = set()

    def work(places: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        seen.add(threading.get_ident())
        assert len(places) == 1
        return torch.tensor(places), torch.tensor([[p, p**2] for p in places])

    first, second = by_rows(work, asked, CPU)
    assert first.tolist() == asked
    assert second.tolist() == [[p, p**2] for p in asked]
    assert len(seen) <= cores


def test_a_gpu_gets_all_rows_at_once() -> None:
    calls = []

    def work(places: range) -> tuple[torch.Tensor]:
        calls.append(list(places))
        return (torch.tensor(list(places)),)

    (found,) = by_rows(work, range(5), torch.device("meta"))
    assert calls == [[0, 1, 2, 3, 4]]
    assert found.tolist() == [0, 1, 2, 3, 4]


def test_what_goes_wrong_in_a_row_is_raised() -> None:
    def work(places: list[int]) -> tuple[torch.Tensor]:
        if places == [2]:
            raise ValueError("row 2 is bad")
        return (torch.zeros(1),)

    with pytest.raises(ValueError, match="row 2 is bad"):
        by_rows(work, range(6), CPU)
