"""Progress bars with a rate and a time left, on standard error."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")


class _RateColumn(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        """Return the rate as text."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "-/s", style="progress.data.speed")


class Bar:
    """One running bar: `advance` it and `note` something short beside it."""

    def __init__(self, progress: Progress, total: int | None, description: str) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total, note="")

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
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        disable=not shown,
    )
    with progress:
        bar = Bar(progress, total, description)
        bar.advance(done)
        yield bar


def track(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield `items` while a bar counts them."""
    with progress_bar(total, description) as bar:
        for item in items:
            yield item
            bar.advance()


def tell(message: str) -> None:
    """Print one line on standard error that the user should know of while work goes on."""
    print(" ".join(message.split()), file=sys.stderr)
