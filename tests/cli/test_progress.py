"""What bars say of speed and time left."""

from time import sleep

import pytest

from diffragan.progress import progress_bar, rate, time_left


@pytest.mark.parametrize(
    ("per_second", "said"),
    [(None, "-/s"), (0.0, "-/s"), (159.53, "159.5/s"), (0.5, "0.5/s"), (0.1, "10.0 s each")],
)
def test_slow_items_are_told_by_the_time_of_each(per_second: float | None, said: str) -> None:
    assert rate(per_second) == said


@pytest.mark.parametrize(
    ("items", "per_second", "said"),
    [
        (None, 1.0, "-:--:--"),
        (10, None, "-:--:--"),
        (10, 0.0, "-:--:--"),
        (0, None, "0:00:00"),
        (900, 0.1, "2:30:00"),
    ],
)
def test_the_time_left_is_that_of_the_items_left(
    items: float | None, per_second: float | None, said: str
) -> None:
    assert time_left(items, per_second) == said


def test_what_was_done_before_a_restart_makes_no_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar(1000, "resumed", done=900) as bar:
        sleep(0.3)
        bar.advance()
    said = capsys.readouterr().err
    assert "901/1000" in said
    shown = float(said.split("/s")[0].split()[-1])
    assert shown < 4


def test_a_bar_of_slow_items_stays_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("diffragan.progress.LEAST_A_SECOND", 1e6)
    with progress_bar(4000, "simulating") as bar:
        sleep(0.1)
        bar.advance()
    said = capsys.readouterr().err
    assert "s each" in said
    assert len(said.strip().splitlines()) == 1
