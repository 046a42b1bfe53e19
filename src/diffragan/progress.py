"""Progress bars with a rate and a time left, on standard error."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

Item = TypeVar("Item")


LEAST_A_SECOND = 0.5
"""Slower ones are told by how long each takes."""
STYLE = "progress.data.speed"


class _RateColumn(ProgressColumn):
    """Items a second, or the seconds of each."""

    def render(self, task: Task) -> Text:
        """Return the rate as text."""
        return Text(rate(_speed(task)), style=STYLE)


class _RemainingColumn(ProgressColumn):
    """Time left, at the rate so far."""

    def render(self, task: Task) -> Text:
        """Return hours, minutes and seconds."""
        return Text(time_left(task.remaining, _speed(task)), style=STYLE)


def rate(per_second: float | None) -> str:
    """Say how fast items are done."""
    if not per_second:
        return "-/s"
    if per_second < LEAST_A_SECOND:
        return f"{1 / per_second:.1f} s each"
    return f"{per_second:.1f}/s"


def time_left(items: float | None, per_second: float | None) -> str:
    """Say how long the items that are left will take."""
    if items is None or (items > 0 and not per_second):
        return "-:--:--"
    return str(timedelta(seconds=round(items / per_second) if items and per_second else 0))


def _speed(task: Task) -> float | None:
    """Items a second of this run: batches of slow ones may take minutes, which no window holds."""
    seconds = task.finished_time if task.finished else task.elapsed
    return (task.completed - task.fields["before"]) / seconds if seconds else None


class Bar:
    """One running bar: `advance` it and `note` something short beside it."""

    def __init__(
        self, progress: Progress, total: int | None, description: str, before: int = 0
    ) -> None:
        self._progress = progress
        self._task = progress.add_task(
            description, total=total, completed=before, note="", before=before
        )

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more items as done."""
        self._progress.advance(self._task, steps)

    def note(self, text: str) -> None:
        """Show `text` behind the bar."""
        self._progress.update(self._task, note=text)


@contextmanager
def progress_bar(
    total: int | None, description: str, done: int = 0, *, shown: bool = True
) -> Iterator[Bar]:
    """Show a bar for `total` items, if that is known, of which `done` were finished before.

    One that is not shown counts all the same; of several processes only one should show its own.
    """
    progress = Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        # In a narrow terminal the bar grows shorter, and these stay on one line.
        _RateColumn(table_column=Column(no_wrap=True)),
        TimeElapsedColumn(),
        _RemainingColumn(table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not shown,
    )
    with progress:
        yield Bar(progress, total, description, done)


def track(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield `items` while a bar counts them."""
    with progress_bar(total, description) as bar:
        for item in items:
            yield item
            bar.advance()


def tell(message: str) -> None:
    """Print one line on standard error that the user should know of while work goes on."""
    print(" ".join(message.split()), file=sys.stderr)
