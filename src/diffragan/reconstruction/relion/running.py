"""Run one of RELION's programs."""

from collections.abc import Sequence
from pathlib import Path

from diffragan.reconstruction.external_program import Program, run_external
from diffragan.reconstruction.relion.messages import is_bar, read_progress, reason

RELION = Program(
    prefix="relion",
    remedy="install RELION, or use --engine embedded",
    lighter="use fewer or smaller images",
    read_progress=read_progress,
    reason=reason,
    is_bar=is_bar,
)


def run_program(
    command: Sequence[str], folder: Path, log: Path, title: str, total: int | None = None
) -> None:
    """Run a program of RELION's in a folder, until it is done; see `run_external`."""
    run_external(RELION, command, folder, log, title, total)
