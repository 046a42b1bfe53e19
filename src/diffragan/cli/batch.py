"""Do one thing to many inputs: a failure is told and does not stop the others."""

from collections.abc import Callable, Sequence

from diffragan.errors import InputError
from diffragan.progress import progress_bar


def over_each(items: Sequence[str], act: Callable[[str], str], description: str) -> None:
    """Call `act` on each item and print the line it returns.

    Raises
    ------
    InputError : At the end, naming all items that failed and why.
    """
    lines: list[str] = []
    failures: list[tuple[str, InputError]] = []
    try:
        with progress_bar(len(items), description) as bar:
            for item in items:
                bar.note(item)
                try:
                    lines.append(act(item))
                except InputError as error:
                    failures.append((item, error))
                bar.advance()
    finally:
        # After the bar, because a bar on a terminal would take standard output over.
        for line in lines:
            print(line)
    if len(failures) == 1 and len(items) == 1:
        raise failures[0][1]
    if failures:
        reasons = "; ".join(str(error) for _, error in failures)
        raise InputError(f"{len(failures)} of {len(items)} failed: {reasons}")
